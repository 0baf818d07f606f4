// SPDX-License-Identifier: GPL-2.0-only
/* corepath simulate: what would become of the packets of a capture. */
#include <corepath_simulate.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "capture.h"
#include "cmd.h"
#include "json.h"

/* Of Ethernet (RFC 894), if --mtu says no other. */
#define MTU 1500

struct simulate {
	struct corepath_simulation *sim;
	struct capture *in, *out; /* out: NULL if no packets are wanted */
	FILE *verdicts;
	enum corepath_hook hook;
	bool both_ways;
	__u32 mtu;
	unsigned long long index, written;
};

/* One of the packets that a frame of the capture stands for. */
struct packet {
	const struct capture_packet *of;
	const struct corepath_wire *wire; /* NULL: not run */
	unsigned int number;		  /* from 0 */
};

static int fail(const char *text)
{
	fprintf(stderr, "corepath: %s\n", text);
	return EXIT_FAILED;
}

static const char *action_name(__u32 action)
{
	static const char *const names[] = {
		[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",		[XDP_PASS] = "pass",
		[XDP_TX] = "tx",	   [XDP_REDIRECT] = "redirect",
	};

	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "unknown";
}

static json_t *flow_json(const struct corepath_flow *f)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN];
	json_t *flow;

	if (!f->proto)
		return json_null();
	flow = json_pack("{s:s, s:s, s:i}", "src", corepath_endpoint_format(&f->src, 0, src), "dst",
			 corepath_endpoint_format(&f->dst, 0, dst), "proto", f->proto);
	if (f->sport || f->dport) {
		json_object_set_new(flow, "sport", json_integer(ntohs(f->sport)));
		json_object_set_new(flow, "dport", json_integer(ntohs(f->dport)));
	}
	return flow;
}

/* What tc hooks say besides: who is who, the rule that decided (null: none matched, and so it was
 * denied), the connection's state. */
static void add_tc(json_t *j, const struct corepath_outcome *v)
{
	char text[COREPATH_POLICY_STRLEN];

	json_object_set_new(j, "identity",
			    json_pack("{s:I, s:I}", "src", (json_int_t)v->identity[0], "dst",
				      (json_int_t)v->identity[1]));
	if (v->decided)
		json_object_set_new(j, "policy",
				    json_string(corepath_policy_format(&v->rule, text)));
	else if (v->reason == COREPATH_DROP_POLICY_DENIED_IN ||
		 v->reason == COREPATH_DROP_POLICY_DENIED_OUT)
		json_object_set_new(j, "policy", json_null());
	if (v->tracked)
		json_object_set_new(j, "state", json_string(corepath_ct_state_name(v->state)));
}

/* What every line has. */
static json_t *packet_json(const struct simulate *s, const struct packet *p, const char *verdict)
{
	json_t *j = json_pack("{s:I, s:I, s:i, s:i, s:s}", "index", (json_int_t)s->index, "time_ns",
			      (json_int_t)p->of->time_ns, "length", p->of->length, "captured",
			      p->of->captured, "verdict", verdict);

	if (!j || !p->wire)
		return j;
	if (p->wire->packets > 1) {
		json_object_set_new(j, "segment", json_integer(p->number + 1));
		json_object_set_new(j, "segments", json_integer(p->wire->packets));
	}
	if (p->wire->completed)
		json_object_set_new(j, "checksum", json_string("completed"));
	return j;
}

static json_t *not_run_json(const struct simulate *s, const struct packet *p)
{
	json_t *j = packet_json(s, p, "not run");

	if (j)
		json_object_set_new(j, "why", json_string(corepath_error()));
	return j;
}

static json_t *verdict_json(const struct simulate *s, const struct packet *p,
			    const struct corepath_outcome *v, bool written)
{
	char text[COREPATH_SERVICE_STRLEN];
	json_t *j = packet_json(s, p, action_name(v->action));

	if (!j)
		return NULL;
	json_object_set_new(j, "hook", json_string(corepath_hook_name(v->hook)));
	json_object_set_new(j, "reason", json_string(corepath_drop_name(v->reason)));
	json_object_set_new(j, "flow", flow_json(&v->before));
	json_object_set_new(j, "connection", json_string(corepath_connection_name(v->connection)));
	if (v->has_service)
		json_object_set_new(j, "service",
				    json_string(corepath_service_format(&v->service, text)));
	if (v->has_backend)
		json_object_set_new(
			j, "backend",
			json_string(corepath_endpoint_format(&v->backend, v->backend_port, text)));
	if (v->hook != COREPATH_HOOK_XDP)
		add_tc(j, v);
	if (v->rewritten && v->action != XDP_DROP)
		json_object_set_new(j, "rewritten", flow_json(&v->after));
	if (written)
		json_object_set_new(j, "output", json_integer(s->written));
	return j;
}

static int print(const struct simulate *s, json_t *j)
{
	int err = !j || json_dumpf(j, s->verdicts, JSON_COMPACT) || fputc('\n', s->verdicts) == EOF;

	json_decref(j);
	return err ? fail("verdicts: they could not be written; is the disk full?") : EXIT_DONE;
}

/* What was not captured is not written, either. */
static int write_frame(struct simulate *s, const struct packet *p, struct corepath_outcome *v,
		       size_t missing)
{
	struct capture_packet o = {p->of->time_ns, v->length,
				   v->length > missing ? v->length - missing : v->length, v->frame};

	if (capture_write(s->out, &o) < 0)
		return fail(capture_error());
	s->written++;
	return EXIT_DONE;
}

static int one(struct simulate *s, const struct packet *p)
{
	static unsigned char frame[COREPATH_SIMULATE_LONGEST];
	static struct corepath_outcome v;
	size_t captured, length = corepath_wire_packet(p->wire, p->number, frame, &captured);
	bool leaves;
	int err;

	err = corepath_simulate_frame(s->sim, frame, length, &v);
	if (err == -EMSGSIZE)
		return print(s, not_run_json(s, p));
	if (err)
		return fail(corepath_error());
	leaves = s->out && (v.action == XDP_PASS || v.action == XDP_TX || v.action == XDP_REDIRECT);
	if (leaves && write_frame(s, p, &v, length - captured))
		return EXIT_FAILED;
	return print(s, verdict_json(s, p, &v, leaves));
}

static int each(struct simulate *s, const struct capture_packet *of)
{
	struct corepath_wire wire;
	struct packet p = {.of = of};
	int status = EXIT_DONE;

	s->index++;
	if (corepath_wire_open(&wire, of->data, of->captured, of->length, s->mtu))
		return print(s, not_run_json(s, &p));
	p.wire = &wire;
	for (; p.number < wire.packets && !status; p.number++)
		status = one(s, &p);
	return status;
}

static int all(struct simulate *s)
{
	struct capture_packet p;
	int status = EXIT_DONE, r = 1;

	while (!status && (r = capture_read(s->in, &p)) > 0)
		status = each(s, &p);
	return r < 0 ? fail(capture_error()) : status;
}

static int finish(struct simulate *s, int status)
{
	if (s->sim)
		corepath_simulate_close(s->sim);
	if (s->in)
		capture_close(s->in);
	if (s->out && capture_finish(s->out) < 0 && !status)
		status = fail(capture_error());
	if (s->verdicts && s->verdicts != stdout && fclose(s->verdicts) && !status)
		status = fail("verdicts: they could not be written; is the disk full?");
	return status;
}

/* The files first: what is wrong with them is found before anything is loaded. */
static int open_files(struct simulate *s, const struct args *args)
{
	s->in = capture_open(args->operands[0]);
	if (!s->in)
		return fail(capture_error());
	s->verdicts = args->verdicts ? fopen(args->verdicts, "we") : stdout;
	if (!s->verdicts) {
		fprintf(stderr, "corepath: %s: %s\n", args->verdicts, strerror(errno));
		return EXIT_FAILED;
	}
	if (args->output) {
		s->out = capture_create(args->output);
		if (!s->out)
			return fail(capture_error());
	}
	return EXIT_DONE;
}

static int find_hook(const struct args *args, struct simulate *s)
{
	s->both_ways = !strcmp(args->hook, "tc");
	if (s->both_ways)
		s->hook = COREPATH_HOOK_TC_INGRESS;
	else
		for (s->hook = COREPATH_HOOK_XDP; s->hook <= COREPATH_HOOK_TC_EGRESS; s->hook++)
			if (!strcmp(args->hook, corepath_hook_name(s->hook)))
				break;
	if (s->hook > COREPATH_HOOK_TC_EGRESS)
		return report_usage("--hook %s: no such hook; use xdp, tc-ingress, tc-egress or tc",
				    args->hook);
	if (args->n_devs && s->hook == COREPATH_HOOK_XDP)
		return report_usage(
			"--dev: all devices of XDP have the same program; leave it out");
	if (args->n_devs > 1)
		return report_usage("--dev: one at a time, as each has a hook of its own");
	return EXIT_DONE;
}

int cmd_simulate(const struct args *args)
{
	struct corepath_config *config = NULL;
	struct simulate s = {.mtu = args->mtu ?: MTU};
	int status;

	if (!args->file)
		return report_usage("--file is missing; for example: -f datapath.yaml");
	status = find_hook(args, &s);
	if (status)
		return status;
	if (args->output && !strcmp(args->output, "-") && !args->verdicts)
		return report_usage("--output -: the verdicts are on standard output; give them a "
				    "file with --verdicts");
	if (corepath_config_read(args->file, NULL, &config))
		return report_failure(args, false);
	status = open_files(&s, args);
	if (!status) {
		struct corepath_simulate_request req = {.config = config,
							.hook = s.hook,
							.both_ways = s.both_ways,
							.dev = args->n_devs ? args->devs[0] : NULL};

		if (corepath_simulate_open(&req, &s.sim))
			status = report_failure(args, true);
	}
	if (!status)
		status = all(&s);
	status = finish(&s, status);
	corepath_config_free(config);
	return status;
}
