// SPDX-License-Identifier: GPL-2.0-only
/* What `corepath observe` shows: filter.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "filter.h"

static const struct {
	const char *name;
	int number;
} protos[] = {
	{"tcp", IPPROTO_TCP},	  {"udp", IPPROTO_UDP},	  {"icmp", IPPROTO_ICMP},
	{"icmp", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}, {"esp", IPPROTO_ESP},
};
#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

const char *filter_proto_name(const struct corepath_packet_event *e, char buf[8])
{
	size_t i;

	if (!e->l3_proto || (e->l3_proto != 0x0800 && e->l3_proto != 0x86DD)) {
		snprintf(buf, 8, "0x%04x", e->l3_proto);
		return buf;
	}
	for (i = 0; i < N_PROTOS; i++)
		if (protos[i].number == e->flow.proto)
			return protos[i].name;
	snprintf(buf, 8, "%u", e->flow.proto);
	return buf;
}

static bool wants_packet(const struct filter *f, const struct corepath_packet_event *e)
{
	if (e->head.size < sizeof(*e) || e->reason >= COREPATH_DROP_COUNT ||
	    !f->reasons[e->reason] || f->process ||
	    (f->verdict && corepath_is_drop(e->reason) != (f->verdict == FILTER_DROPPED)))
		return false;
	if (f->proto >= 0 && e->flow.proto != f->proto &&
	    !(f->proto == IPPROTO_ICMP && e->flow.proto == IPPROTO_ICMPV6))
		return false;
	if (f->port && ntohs(e->flow.sport) != f->port && ntohs(e->flow.dport) != f->port)
		return false;
	return !f->has_address || corepath_prefix_covers(&f->address, &e->flow.src) ||
	       corepath_prefix_covers(&f->address, &e->flow.dst);
}

/* ---- processes ---- */

static bool is_text(const char *text, size_t len, const char *want)
{
	return strlen(want) == len && !memcmp(text, want, len);
}

/* The file that it runs, where the event tells it. */
static bool runs_file(const struct corepath_event *head, const char *want)
{
	const struct corepath_exec_event *exec = (const void *)head;
	const struct corepath_rule_event *rule = (const void *)head;
	struct corepath_exec_text text;
	const char *path, *exe;

	if (head->kind == COREPATH_EVENT_EXEC && !corepath_exec_text(exec, &text))
		return is_text(text.path, exec->path_len, want);
	return head->kind == COREPATH_EVENT_RULE && !corepath_rule_text(rule, &path, &exe) &&
	       is_text(exe, rule->exe_len, want);
}

static bool is_process(const struct corepath_event *head, const char *want)
{
	/* all kinds but packets begin with it */
	const struct corepath_process *p = &((const struct corepath_fork_event *)head)->process;

	if (strchr(want, '/'))
		return runs_file(head, want);
	if (!want[strspn(want, "0123456789")])
		return strtoul(want, NULL, 10) == p->pid;
	return is_text(p->comm, strnlen(p->comm, sizeof(p->comm)), want);
}

static bool wants_process(const struct filter *f, const struct corepath_event *head)
{
	const struct corepath_rule_event *rule = (const void *)head;

	if (head->size < sizeof(struct corepath_fork_event) || head->kind >= COREPATH_EVENT_KINDS ||
	    !f->kinds[head->kind] || (f->process && !is_process(head, f->process)))
		return false;
	if (!f->verdict)
		return true;
	/* nothing else that a process does is judged */
	return head->kind == COREPATH_EVENT_RULE && head->size >= sizeof(*rule) &&
	       (rule->prevented || rule->killed) == (f->verdict == FILTER_DROPPED);
}

bool filter_of_recording(const struct args *args)
{
	return args->from || args->since || args->last;
}

bool filter_wants(const struct filter *f, const struct corepath_event *e)
{
	return e->kind == COREPATH_EVENT_PACKET
		       ? wants_packet(f, (const struct corepath_packet_event *)e)
		       : wants_process(f, e);
}

/* ---- options ---- */

static int parse_verdict(const char *text, enum filter_verdict *verdict)
{
	*verdict = !text ? FILTER_ANY : !strcmp(text, "dropped") ? FILTER_DROPPED : FILTER_PASSED;
	return !text || *verdict == FILTER_DROPPED || !strcmp(text, "passed")
		       ? EXIT_DONE
		       : report_usage("--verdict %s: use dropped or passed", text);
}

static int parse_reasons(const char *list, bool reasons[COREPATH_DROP_COUNT])
{
	char *copy = strdup(list ?: ""), *word, *rest = copy;
	enum corepath_drop reason;
	int i, err = copy ? 0 : -ENOMEM;

	while (list && !err && (word = strsep(&rest, ","))) {
		if (!strcmp(word, "all") || !strcmp(word, "drops")) {
			for (i = 0; i < COREPATH_DROP_COUNT; i++)
				reasons[i] |= *word == 'a' || corepath_is_drop(i);
			continue;
		}
		err = corepath_drop_parse(word, &reason);
		if (!err)
			reasons[reason] = true;
	}
	free(copy);
	return err ? report_usage("--reason %s: %s", list, corepath_error()) : EXIT_DONE;
}

static int parse_kinds(const char *list, bool kinds[COREPATH_EVENT_KINDS])
{
	char *copy = strdup(list ?: ""), *word, *rest = copy;
	enum corepath_event_kind kind;
	int i, err = copy ? 0 : -ENOMEM;

	while (list && !err && (word = strsep(&rest, ","))) {
		if (!strcmp(word, "all")) {
			for (i = COREPATH_EVENT_PACKET + 1; i < COREPATH_EVENT_KINDS; i++)
				kinds[i] = true;
			continue;
		}
		err = corepath_event_kind_parse(word, &kind);
		if (!err)
			kinds[kind] = true;
	}
	free(copy);
	return err ? report_usage("--kind %s: %s", list, corepath_error()) : EXIT_DONE;
}

int filter_parse(const struct args *args, struct filter *f)
{
	bool any = !args->reason && !args->kind, recorded = filter_of_recording(args);
	bool packets = args->address || args->port || args->proto;
	size_t i;
	int status;

	f->port = args->port;
	f->proto = -1;
	f->process = args->process;
	status = parse_verdict(args->verdict, &f->verdict);
	if (status)
		return status;
	/* drops, or what passed, if nothing is asked for by name; or what the process does. Of a
	 * recording, all that it was asked for. */
	for (i = 0; any && !args->process && i < COREPATH_DROP_COUNT; i++)
		f->reasons[i] = recorded || corepath_is_drop(i) == (f->verdict != FILTER_PASSED);
	for (i = COREPATH_EVENT_PACKET + 1;
	     any && (args->process || (recorded && !packets)) && i < COREPATH_EVENT_KINDS; i++)
		f->kinds[i] = true;
	status = parse_reasons(args->reason, f->reasons);
	if (!status)
		status = parse_kinds(args->kind, f->kinds);
	if (status)
		return status;
	if (args->address) {
		if (corepath_prefix_parse(args->address, &f->address) < 0)
			return report_usage("--address %s: %s", args->address, corepath_error());
		f->has_address = true;
	}
	if (!args->proto)
		return EXIT_DONE;
	for (i = 0; i < N_PROTOS && f->proto < 0; i++)
		if (!strcmp(args->proto, protos[i].name))
			f->proto = protos[i].number;
	return f->proto < 0 ? report_usage("--proto %s: not one of tcp, udp, icmp, sctp, esp",
					   args->proto)
			    : EXIT_DONE;
}
