// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sample as Prometheus reads it: the text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) or OpenMetrics 1.0.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/). They differ in what counters and
 * infos are called where they are described, and in the last line.
 *
 * Every label has a bounded number of values: README.md says which bounds.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "internal.h"
#include "metrics_text.h"

enum kind { GAUGE, COUNTER, INFO };

/* X(symbol, kind, name without what its kind adds, help). The only list of families there is. */
#define FAMILIES(X)                                                                                \
	X(BUILD, INFO, "corepath_build", "The version of the command that says all this.")         \
	X(UP, GAUGE, "corepath_up", "1 if a datapath is pinned, 0 if none is.")                    \
	X(DATAPATH, INFO, "corepath_datapath", "Who made what runs: version and layout.")          \
	X(ATTACHMENTS, GAUGE, "corepath_attachments",                                              \
	  "Programs on devices, by hook and by whether they still are there.")                     \
	X(CGROUPS, GAUGE, "corepath_cgroups", "Cgroups whose sockets are balanced, by state.")     \
	X(REASON, INFO, "corepath_reason", "What the values of the label reason mean.")            \
	X(PACKETS, COUNTER, "corepath_packets", "Packets by what became of them.")                 \
	X(BYTES, COUNTER, "corepath_bytes",                                                        \
	  "Bytes of frames, headers included, by what became of them.")                            \
	X(EVENTS_LOST, COUNTER, "corepath_events_lost",                                            \
	  "Events that found a watcher's ring full; from 0 when its place is taken anew.")         \
	X(SERVICE, INFO, "corepath_service", "How a service's packets get to its backends.")       \
	X(SERVICE_PACKETS, COUNTER, "corepath_service_packets",                                    \
	  "Packets sent to a service's backends, since it was added.")                             \
	X(SERVICE_BYTES, COUNTER, "corepath_service_bytes",                                        \
	  "Bytes of frames sent to a service's backends, as they came.")                           \
	X(SERVICE_CONNECTIONS, COUNTER, "corepath_service_connections",                            \
	  "Sockets of this host that were given a backend of the service.")                        \
	X(SERVICE_BACKENDS, GAUGE, "corepath_service_backends",                                    \
	  "Backends of a service, by state.")                                                      \
	X(SIGNATURE_PACKETS, COUNTER, "corepath_signature_packets",                                \
	  "Packets that matched a signature of the prefilter.")                                    \
	X(SIGNATURE_BYTES, COUNTER, "corepath_signature_bytes",                                    \
	  "Bytes of frames that matched a signature of the prefilter.")                            \
	X(TABLE_ENTRIES, GAUGE, "corepath_table_entries", "Entries of a table, as it is pinned.")  \
	X(TABLE_MAX, GAUGE, "corepath_table_max_entries", "Entries a table has room for.")         \
	X(ENDPOINT_CONNECTIONS, GAUGE, "corepath_endpoint_connections",                            \
	  "TCP connections of an endpoint that are open, by who began them.")                      \
	X(POLICY_PACKETS, COUNTER, "corepath_policy_packets",                                      \
	  "Packets a rule decided: all it denies, of what it allows the first of a connection.")   \
	X(POLICY_BYTES, COUNTER, "corepath_policy_bytes", "Bytes of the packets a rule decided.")  \
	X(UPLINK_EVENTS, COUNTER, "corepath_uplink_events",                                        \
	  "What happened at the uplink besides packets' fates.")                                   \
	X(SECURITY, INFO, "corepath_security", "How rules about processes are enforced.")          \
	X(RULE_MATCHES, COUNTER, "corepath_security_rule_matches",                                 \
	  "How often a rule about processes matched, since it was loaded.")

enum family {
#define X(symbol, kind, name, help) symbol,
	FAMILIES(X)
#undef X
};

static const struct {
	enum kind kind;
	const char *name, *help;
} families[] = {
#define X(symbol, kind, name, help) [symbol] = {kind, name, help},
	FAMILIES(X)
#undef X
};

struct out {
	FILE *to;
	bool open;
};

/* ---- lines ---- */

static const char *suffix(enum family f)
{
	static const char *const suffixes[] = {
		[GAUGE] = "", [COUNTER] = "_total", [INFO] = "_info"};

	return suffixes[families[f].kind];
}

static void describe(const struct out *o, enum family f)
{
	static const char *const kinds[] = {
		[GAUGE] = "gauge", [COUNTER] = "counter", [INFO] = "info"};
	const char *kind = kinds[families[f].kind], *end = o->open ? "" : suffix(f);

	if (families[f].kind == INFO && !o->open)
		kind = kinds[GAUGE];
	fprintf(o->to, "# HELP %s%s %s\n# TYPE %s%s %s\n", families[f].name, end, families[f].help,
		families[f].name, end, kind);
}

/* How many bytes a character of UTF-8 has (RFC 3629 section 4), 0 if this is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void cp_metrics_label(FILE *to, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t n;

	for (; *s; s += n ?: 1) {
		n = utf8_length(s);
		if (*s == '\\' || *s == '"')
			fprintf(to, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", to);
		else if (!n || *s < ' ')
			fputc('?', to);
		else
			fwrite(s, 1, n, to);
	}
}

/* One sample: its labels are pairs of names and values, which end with NULL. */
__attribute__((sentinel)) static void put(const struct out *o, enum family f,
					  unsigned long long value, ...)
{
	const char *label, *between = "{";
	va_list ap;

	fprintf(o->to, "%s%s", families[f].name, suffix(f));
	va_start(ap, value);
	while ((label = va_arg(ap, const char *))) {
		fprintf(o->to, "%s%s=\"", between, label);
		cp_metrics_label(o->to, va_arg(ap, const char *));
		fputc('"', o->to);
		between = ",";
	}
	va_end(ap);
	fprintf(o->to, "%s %llu\n", *between == ',' ? "}" : "", value);
}

static const char *number(unsigned long long v, char buf[24])
{
	snprintf(buf, 24, "%llu", v);
	return buf;
}

/* ---- what is attached ---- */

static bool same_hook(const struct corepath_hooked *a, const struct corepath_hooked *b)
{
	return a->hook == b->hook && a->state == b->state && !strcmp(a->role, b->role) &&
	       !strcmp(a->dev, b->dev) && !strcmp(a->mode, b->mode);
}

/* How many have the labels of this one, 0 if it is not the first of them: devices that are gone may
 * have had one name. */
static size_t count_hook(const struct corepath_sample *s, size_t i)
{
	size_t k, n = 1;

	if (s->hooks[i].state == COREPATH_ATTACHED)
		return 1;
	for (k = 0; k < s->n_hooks; k++) {
		if (k == i || !same_hook(&s->hooks[k], &s->hooks[i]))
			continue;
		if (k < i)
			return 0;
		n++;
	}
	return n;
}

static void put_attached(const struct out *o, const struct corepath_sample *s)
{
	char layout[24];
	size_t i, n;

	if (*s->running.version) {
		describe(o, DATAPATH);
		put(o, DATAPATH, 1, "version", s->running.version, "layout",
		    number(s->running.layout, layout), NULL);
	}
	describe(o, ATTACHMENTS);
	for (i = 0; i < s->n_hooks; i++) {
		const struct corepath_hooked *h = &s->hooks[i];

		n = count_hook(s, i);
		if (n)
			put(o, ATTACHMENTS, n, "role", h->role, "hook", corepath_hook_name(h->hook),
			    "dev", h->dev, "mode", h->mode, "state", corepath_state_name(h->state),
			    NULL);
	}
	describe(o, CGROUPS);
	for (i = 0; i <= COREPATH_CGROUP_GONE; i++)
		put(o, CGROUPS, s->n_cgroups[i], "state", corepath_cgroup_state_name(i), NULL);
}

/* ---- packets ---- */

static const char *verdict(enum corepath_drop reason)
{
	return corepath_is_drop(reason) ? "dropped" : "passed";
}

static void put_packets(const struct out *o, const struct corepath_sample *s)
{
	char text[24];
	int i;

	describe(o, REASON);
	for (i = 0; i < COREPATH_DROP_COUNT; i++)
		put(o, REASON, 1, "reason", corepath_drop_name(i), "text", corepath_drop_text(i),
		    NULL);
	describe(o, PACKETS);
	for (i = 0; i < COREPATH_DROP_COUNT && s->has_counters; i++)
		put(o, PACKETS, s->counters[i].packets, "reason", corepath_drop_name(i), "verdict",
		    verdict(i), NULL);
	describe(o, BYTES);
	for (i = 0; i < COREPATH_DROP_COUNT && s->has_counters; i++)
		put(o, BYTES, s->counters[i].bytes, "reason", corepath_drop_name(i), "verdict",
		    verdict(i), NULL);
	describe(o, EVENTS_LOST);
	for (i = 0; i < COREPATH_WATCHERS; i++)
		put(o, EVENTS_LOST, s->lost[i], "watcher", number(i, text), NULL);
}

static void put_signatures(const struct out *o, const struct corepath_sample *s)
{
	const enum family f[] = {SIGNATURE_PACKETS, SIGNATURE_BYTES};
	char id[24];
	size_t i, k;

	for (k = 0; k < 2; k++) {
		describe(o, f[k]);
		for (i = 0; i < s->n_signatures; i++) {
			const struct corepath_signature_info *sig = &s->signatures[i];

			put(o, f[k], k ? sig->hits.bytes : sig->hits.packets, "signature",
			    number(sig->signature.id, id), "action",
			    sig->signature.action == COREPATH_SIG_COUNT ? "count" : "drop", NULL);
		}
	}
}

/* ---- services ---- */

/* "tcp 203.0.113.9:80" is two labels. */
struct service_name {
	char text[COREPATH_SERVICE_STRLEN];
	const char *proto, *service;
};

static void name_service(const struct corepath_service_id *id, struct service_name *n)
{
	char *space;

	corepath_service_format(id, n->text);
	space = strchr(n->text, ' ');
	*space = '\0';
	n->proto = n->text;
	n->service = space + 1;
}

static void put_backends(const struct out *o, const struct corepath_service_info *s,
			 const struct service_name *n)
{
	size_t count[COREPATH_BACKEND_DOWN + 1] = {}, i;

	for (i = 0; i < s->n_backends; i++)
		count[s->backends[i].state]++;
	for (i = COREPATH_BACKEND_ACTIVE; i <= COREPATH_BACKEND_DOWN; i++)
		put(o, SERVICE_BACKENDS, count[i], "proto", n->proto, "service", n->service,
		    "state", corepath_backend_state_name(i), NULL);
}

static void put_service(const struct out *o, enum family f, const struct corepath_service_info *s)
{
	struct service_name n;

	name_service(&s->spec.id, &n);
	if (f == SERVICE)
		put(o, f, 1, "proto", n.proto, "service", n.service, "mode",
		    corepath_lb_mode_name(s->spec.mode), NULL);
	else if (f == SERVICE_BACKENDS)
		put_backends(o, s, &n);
	else
		put(o, f,
		    f == SERVICE_PACKETS ? s->served.packets
		    : f == SERVICE_BYTES ? s->served.bytes
					 : s->served.connections,
		    "proto", n.proto, "service", n.service, NULL);
}

static void put_services(const struct out *o, const struct corepath_sample *s)
{
	enum family f;
	size_t i;

	for (f = SERVICE; f <= SERVICE_BACKENDS; f++) {
		describe(o, f);
		for (i = 0; i < s->n_services; i++)
			put_service(o, f, &s->services[i]);
	}
}

/* ---- tables, endpoints, policies ---- */

static void put_tables(const struct out *o, const struct corepath_sample *s)
{
	size_t i;

	describe(o, TABLE_ENTRIES);
	for (i = 0; i < s->n_tables; i++)
		put(o, TABLE_ENTRIES, s->tables[i].usage.used, "table", s->tables[i].name, NULL);
	describe(o, TABLE_MAX);
	for (i = 0; i < s->n_tables; i++)
		put(o, TABLE_MAX, s->tables[i].usage.max, "table", s->tables[i].name, NULL);
}

static const char *direction(enum corepath_direction d)
{
	return d == COREPATH_IN ? "in" : "out";
}

static void put_rule(const struct out *o, enum family f, const struct corepath_policy_info *p)
{
	char identity[24], port[24], proto[8];

	if (!*p->spec.dev) /* gone */
		return;
	put(o, f, f == POLICY_PACKETS ? p->packets : p->bytes, "dev", p->spec.dev, "direction",
	    direction(p->spec.direction), "verdict",
	    p->spec.verdict == COREPATH_ALLOW ? "allow" : "deny", "identity",
	    p->spec.identity ? number(p->spec.identity, identity) : "any", "proto",
	    p->spec.proto ? corepath_proto_format(p->spec.proto, proto) : "any", "port",
	    p->spec.port ? number(p->spec.port, port) : "any", NULL);
}

static void put_endpoints(const struct out *o, const struct corepath_sample *s)
{
	enum family f;
	size_t i, d;

	describe(o, ENDPOINT_CONNECTIONS);
	for (i = 0; i < s->n_endpoints; i++)
		for (d = 0; d < 2 && s->endpoints[i].state == COREPATH_ATTACHED; d++)
			put(o, ENDPOINT_CONNECTIONS, s->endpoints[i].open[d], "dev",
			    s->endpoints[i].spec.dev, "direction", direction(d), NULL);
	for (f = POLICY_PACKETS; f <= POLICY_BYTES; f++) {
		describe(o, f);
		for (i = 0; i < s->n_policies; i++)
			put_rule(o, f, &s->policies[i]);
	}
	describe(o, UPLINK_EVENTS);
	for (i = 0; i < COREPATH_UPLINK_COUNTERS && s->has_uplink; i++)
		put(o, UPLINK_EVENTS, s->uplink[i], "event", corepath_uplink_counter_name(i), NULL);
}

/* ---- rules about processes ---- */

static bool same_rule(const struct corepath_rule_info *a, const struct corepath_rule_info *b)
{
	return a->action == b->action && !strcmp(a->name, b->name);
}

/* A rule with `any` is several, of one name. */
static void put_matches(const struct out *o, const struct corepath_security_status *st, size_t i)
{
	const struct corepath_rule_info *r = &st->rules[i];
	unsigned long long hits = 0;
	size_t k;

	for (k = 0; k < i; k++)
		if (same_rule(&st->rules[k], r))
			return;
	for (k = i; k < st->n; k++)
		if (same_rule(&st->rules[k], r))
			hits += st->rules[k].hits;
	put(o, RULE_MATCHES, hits, "rule", r->name, "action", corepath_action_name(r->action),
	    NULL);
}

static void put_security(const struct out *o, const struct corepath_sample *s)
{
	size_t i;

	describe(o, SECURITY);
	if (s->has_security)
		put(o, SECURITY, 1, "enforcement", corepath_enforcement_text(s->security.how),
		    "means", corepath_means_name(s->security.means), NULL);
	describe(o, RULE_MATCHES);
	for (i = 0; i < s->security.n; i++)
		put_matches(o, &s->security, i);
}

/* ---- all ---- */

const char *corepath_metrics_type(enum corepath_metrics_format format)
{
	return format == COREPATH_METRICS_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

void corepath_metrics_write(const struct corepath_sample *s, enum corepath_metrics_format format,
			    FILE *to)
{
	const struct out o = {.to = to, .open = format == COREPATH_METRICS_OPENMETRICS};

	describe(&o, BUILD);
	put(&o, BUILD, 1, "version", COREPATH_VERSION, "libbpf", libbpf_version_string(), NULL);
	describe(&o, UP);
	put(&o, UP, s->up, NULL);
	if (s->up) {
		put_attached(&o, s);
		put_packets(&o, s);
		put_services(&o, s);
		put_signatures(&o, s);
		put_tables(&o, s);
		put_endpoints(&o, s);
		put_security(&o, s);
	}
	if (o.open)
		fputs("# EOF\n", to);
}
