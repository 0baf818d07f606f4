// SPDX-License-Identifier: GPL-2.0-only
/* Table tests: a packet in, a verdict, a packet and counters out, by BPF_PROG_RUN. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/checkrun.h"
#include "../lib/datapath.h"
#include "../lib/result.h"
#include "functional.h"
#include "packets.h"

/* The object under test, in the folder the suite runs in. */
#define OBJECT "xdp_prefilter.bpf.o"

/* Rows hold a handful of prefixes. */
#define MAX_PREFIXES 64

struct case_row {
	char *test; /* Check keeps the pointer as the name of the test case */
	json_t *row;
	const char *source;
	bool lb; /* a row of the load balancer */
};

static struct case_row *rows;
static size_t row_count;

/* Loaded once, before Check forks: a load costs more than a hundred packets. Every test empties
 * the maps before it begins, so that none sees what another left. */
static struct datapath datapath;
static int load_error;

static void add_prefixes(json_t *list, bool allow)
{
	json_t *prefix;
	size_t i;

	json_array_foreach (list, i, prefix)
		if (datapath_add(&datapath, json_string_value(prefix), allow))
			checkrun_error("%s", datapath_error());
}

/* Appends what differs to @report; an empty report is a pass. */
static void compare_counters(json_t *want, const struct datapath_count *got, size_t packet_len,
			     char *report, size_t size)
{
	const char *name;
	json_t *value;

	for (unsigned int i = 0; i < datapath_reason_count(); i++) {
		const char *reason = datapath_reason_name(i);
		unsigned long long packets = json_integer_value(json_object_get(want, reason));
		size_t used = strlen(report);

		if (got[i].packets != packets || got[i].bytes != packets * packet_len)
			snprintf(report + used, size - used,
				 "counter %s: expected %llu packets %llu bytes, got %llu packets "
				 "%llu bytes; ",
				 reason, packets, packets * packet_len, got[i].packets,
				 got[i].bytes);
	}
	json_object_foreach (want, name, value) {
		unsigned int i = 0;

		while (i < datapath_reason_count() && strcmp(name, datapath_reason_name(i)))
			i++;
		if (i == datapath_reason_count())
			checkrun_error("the table names a drop reason the ABI does not have: %s",
				       name);
	}
}

START_TEST(table_row)
{
	struct case_row *this = &rows[_i];
	unsigned char in[PACKET_MAX], want[PACKET_MAX], out[2 * PACKET_MAX];
	struct datapath_count *counts = calloc(datapath_reason_count(), sizeof(*counts));
	LIBBPF_OPTS(bpf_test_run_opts, run);
	char report[1024] = "";
	size_t want_len, used;

	checkrun_begin(this->test);
	if (strstr(this->test, ".guard.") && checkrun_skip_without_jit())
		return;
	if (this->lb) {
		lb_table_run(this->row);
		checkrun_pass();
		return;
	}
	if (!counts)
		checkrun_error("out of memory");
	if (load_error == -ENOENT)
		checkrun_error("%s", datapath_error());
	if (load_error)
		ck_abort_msg("%s", datapath_error());
	if (datapath_clear(&datapath))
		checkrun_error("%s", datapath_error());
	add_prefixes(json_object_get(this->row, "denied"), false);
	add_prefixes(json_object_get(this->row, "allowed"), true);

	want_len = packets_bytes(packets_text(this->row, "packet_out"), want);
	run.data_in = in;
	run.data_size_in = packets_bytes(packets_text(this->row, "packet"), in);
	run.data_out = out;
	run.data_size_out = sizeof(out);
	run.repeat = 1;
	if (bpf_prog_test_run_opts(datapath.program, &run))
		checkrun_error("BPF_PROG_TEST_RUN of a packet of %u bytes: %s", run.data_size_in,
			       strerror(errno));

	if (strcmp(packets_verdict(run.retval), packets_text(this->row, "verdict")))
		snprintf(report, sizeof(report), "verdict: expected %s, got %s (%u); ",
			 packets_text(this->row, "verdict"), packets_verdict(run.retval),
			 run.retval);
	used = strlen(report);
	if (run.data_size_out != want_len || memcmp(out, want, want_len))
		snprintf(report + used, sizeof(report) - used,
			 "the packet came out changed (%u bytes, expected %zu); ",
			 run.data_size_out, want_len);
	if (datapath_counts(&datapath, counts))
		checkrun_error("%s", datapath_error());
	compare_counters(json_object_get(this->row, "counters"), counts, run.data_size_in, report,
			 sizeof(report));
	if (*report)
		ck_abort_msg("%.*s\npacket in:  %s\nexpected:   %s\npacket out: %s",
			     (int)strlen(report) - 2, report, packets_text(this->row, "packet"),
			     packets_text(this->row, "packet_out"),
			     packets_hex(out, run.data_size_out));
	free(counts);
	checkrun_pass();
}
END_TEST

json_t *table_source(const char *test)
{
	for (size_t i = 0; i < row_count; i++)
		if (!strcmp(rows[i].test, test) && rows[i].source)
			return json_pack("{s:s, s:O}", "file", rows[i].source, "line",
					 json_object_get(rows[i].row, "line"));
	return NULL;
}

static void add_row(Suite *suite, const char *table, const char *source, json_t *row, bool lb,
		    const struct selection *selection)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	char test[256];

	if (!name || !json_is_integer(json_object_get(row, "line")))
		result_die("functional: table %s has a row without name and line", table);
	snprintf(test, sizeof(test), "functional.%s.%s", table, name);
	if (!functional_selected(selection, test))
		return;
	rows = realloc(rows, (row_count + 1) * sizeof(*rows));
	if (!rows)
		result_die("functional: out of memory");
	rows[row_count] = (struct case_row){strdup(test), row, source, lb};
	if (!rows[row_count].test)
		result_die("functional: out of memory");

	functional_add_case(suite, rows[row_count].test, table_row, row_count, CHECKRUN_TIMEOUT);
	row_count++;
}

void table_add(Suite *suite, const char *path, const struct selection *selection)
{
	const char *base = strrchr(path, '/');
	json_t *table, *list, *row;
	json_error_t error;
	char name[128];
	const char *kind;
	size_t i;
	bool lb;

	result_name(name, sizeof(name), base ? base + 1 : path);
	name[strcspn(name, ".")] = '\0';
	table = json_load_file(path, 0, &error);
	if (!table)
		result_die("functional: table %s, line %d: %s", path, error.line, error.text);
	list = json_object_get(table, "rows");
	if (!json_array_size(list))
		result_die("functional: table %s has no rows: nothing would be tested", path);
	kind = json_string_value(json_object_get(table, "kind"));
	lb = kind && (!strcmp(kind, "lb") || !strcmp(kind, "tc"));
	if (lb && !selection->list)
		lb_table_open(!strcmp(kind, "tc"));
	if (!lb && !datapath.object && !selection->list)
		load_error = datapath_open(&datapath, OBJECT, MAX_PREFIXES);
	json_array_foreach (list, i, row)
		add_row(suite, name, json_string_value(json_object_get(table, "source")), row, lb,
			selection);
}
