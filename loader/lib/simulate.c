// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames through the programs that would see them. What a verdict says is what the programs said:
 * the reason and the flow are those of the event that a watcher gets; the service is looked up in
 * the maps that they look it up in.
 */
#include "corepath_simulate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "config.h"
#include "frame.h"
#include "lb_state.h"
#include "simulate_tc.h"

/* Of the pin directory everybody has; a file system of its own. */
#define BPFFS	"/sys/fs/bpf"
#define PIN_DIR COREPATH_PIN_DIR

struct corepath_simulation {
	int program, conns;
	bool balances;
	struct cp_lb lb;
	struct corepath_watch *watch;
	bool at_tc;
	int peers; /* the network namespace of workloads */
	struct cp_sim_tc tc;
	struct corepath_config config; /* as it was brought up */
	struct cp_config_device lo;
	bool told; /* of the frame that runs */
	struct corepath_packet_event event;
};

static int isolate(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		return cp_fail(errno,
			       "a network namespace to simulate in: %s; run as root, or with "
			       "CAP_SYS_ADMIN",
			       strerror(errno));
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return cp_fail(errno, "a BPF file system at %s: %s; is /sys mounted?", BPFFS,
			       strerror(errno));
	return 0;
}

/* On the CPU where we are. A failure costs no more than state kept elsewhere. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int on_event(const struct corepath_event *e, void *arg)
{
	struct corepath_simulation *sim = arg;

	if (e->kind == COREPATH_EVENT_PACKET && e->size >= sizeof(sim->event)) {
		memcpy(&sim->event, e, sizeof(sim->event));
		sim->told = true;
	}
	return 0;
}

static int find_program(int *program)
{
	struct corepath_status st;
	int fd, err = corepath_status(PIN_DIR, &st);

	if (err)
		return err;
	fd = st.n_devs ? bpf_prog_get_fd_by_id(st.devs[0].prog_id) : -ENOENT;
	free(st.devs);
	*program = fd;
	return fd < 0 ? cp_fail(-fd, "simulation: its program: %s", strerror(-fd)) : 0;
}

static int open_parts(struct corepath_simulation *sim)
{
	bool reasons[COREPATH_DROP_COUNT];
	struct corepath_watch_request req = {
		.pin_dir = PIN_DIR, .reasons = reasons, .fn = on_event, .arg = sim};
	int err;

	err = sim->at_tc ? cp_sim_tc_open(&sim->tc, PIN_DIR) : find_program(&sim->program);
	if (err)
		return err;
	memset(reasons, true, sizeof(reasons));
	err = corepath_watch_open(&req, &sim->watch);
	if (!err)
		err = cp_lb_open(&sim->lb, PIN_DIR, CP_READ, false);
	if (err)
		return err;
	sim->balances = true;
	if (sim->lb.services >= 0)
		sim->conns = cp_map_get(&sim->lb.dir, "lb_conns");
	return sim->lb.services >= 0 && sim->conns < 0 ? sim->conns : 0;
}

/* What of a configuration packets meet: not what is of sockets and processes, of this host; and
 * devices that are there. */
static void narrow(struct corepath_simulation *sim, const struct corepath_config *c)
{
	sim->config = *c;
	sim->lo = (struct cp_config_device){.name = "lo", .mode = COREPATH_XDP_GENERIC};
	sim->config.devices = &sim->lo;
	sim->config.n_devices = 1;
	sim->config.parts &= sim->at_tc ? CP_PART_CT | CP_PART_UPLINK | CP_PART_ENDPOINTS |
						  CP_PART_POLICIES | CP_PART_IDENTITIES
					: 0;
}

/* Who asks for a hook that nobody has is told before anything is made. */
static int bring_up(struct corepath_simulation *sim, const struct corepath_simulate_request *req)
{
	int err;

	if (sim->at_tc) {
		err = cp_sim_tc_find(&sim->tc, &sim->config, req);
		if (err)
			return err;
	}
	err = isolate();
	if (!err && sim->at_tc)
		err = sim->peers = cp_sim_devices(&sim->config);
	return err < 0 ? err : corepath_config_up(PIN_DIR, &sim->config);
}

int corepath_simulate_open(const struct corepath_simulate_request *req,
			   struct corepath_simulation **out)
{
	struct corepath_simulation *sim = calloc(1, sizeof(*sim));
	int err;

	if (!sim)
		return cp_fail(ENOMEM, "simulation: out of memory; free some");
	sim->program = sim->conns = sim->peers = -1;
	sim->at_tc = req->both_ways || req->hook != COREPATH_HOOK_XDP;
	narrow(sim, req->config);
	err = bring_up(sim, req);
	if (!err)
		err = open_parts(sim);
	if (err) {
		corepath_simulate_close(sim);
		return err;
	}
	stay_here();
	*out = sim;
	return 0;
}

void corepath_simulate_close(struct corepath_simulation *sim)
{
	/* it holds the lock that the watcher's end wants */
	if (sim->balances)
		cp_lb_close(&sim->lb);
	if (sim->watch)
		corepath_watch_close(sim->watch);
	if (sim->conns >= 0)
		close(sim->conns);
	if (sim->program >= 0)
		close(sim->program);
	if (sim->peers >= 0)
		close(sim->peers);
	if (sim->at_tc && sim->tc.pin_dir)
		cp_sim_tc_close(&sim->tc);
	free(sim);
}

/* ---- a verdict ---- */

/* As find_service() of bpf-src/lib/lb.h. */
static bool find_service(struct corepath_simulation *sim, const struct corepath_addr *addr,
			 __u16 port, __u8 proto, struct corepath_service_id *id)
{
	struct corepath_service_key key = {.port = port, .proto = proto};
	struct corepath_service svc;
	struct corepath_vip_key to;

	if (sim->lb.services < 0)
		return false;
	key.vip = cp_lb_vip_of(&sim->lb, addr);
	if (!key.vip)
		return false;
	if (bpf_map_lookup_elem(sim->lb.services, &key, &svc)) {
		key.port = 0;
		if (bpf_map_lookup_elem(sim->lb.services, &key, &svc))
			return false;
	}
	to = sim->lb.vip[key.vip].key;
	*id = (struct corepath_service_id){
		.addr = to.addr, .len = to.prefixlen, .port = ntohs(key.port), .proto = proto};
	return true;
}

static void fill_service(struct corepath_simulation *sim, struct corepath_outcome *v, bool known)
{
	bool tunneled = v->reason == COREPATH_DROP_LB_TUNNELED;

	if (v->reason == COREPATH_DROP_LB_REPLIED) {
		v->connection = COREPATH_CONNECTION_REPLY;
		v->has_service = find_service(sim, &v->after.src, v->after.sport, v->after.proto,
					      &v->service);
		v->has_backend = true;
		v->backend = v->before.src;
		v->backend_port = ntohs(v->before.sport);
		return;
	}
	v->has_service =
		find_service(sim, &v->before.dst, v->before.dport, v->before.proto, &v->service);
	if (!tunneled && v->reason != COREPATH_DROP_LB_TRANSLATED)
		return;
	v->connection = known ? COREPATH_CONNECTION_KNOWN : COREPATH_CONNECTION_NEW;
	v->has_backend = true;
	v->backend = v->after.dst;
	v->backend_port = tunneled ? 0 : ntohs(v->after.dport);
}

static int run_xdp(const struct corepath_simulation *sim, const void *frame, size_t length,
		   struct corepath_outcome *v)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = length,
		    .data_out = v->frame, .data_size_out = sizeof(v->frame), .repeat = 1);
	int err = bpf_prog_test_run_opts(sim->program, &run);

	v->hook = COREPATH_HOOK_XDP;
	v->action = run.retval;
	v->length = run.data_size_out;
	return err ? cp_fail(-err, "simulation: run: %s", strerror(-err)) : 0;
}

int corepath_simulate_frame(struct corepath_simulation *sim, const void *frame, size_t length,
			    struct corepath_outcome *v)
{
	struct corepath_conn conn;
	bool known;
	int err;

	if (length < ETH_HLEN || length > COREPATH_SIMULATE_LONGEST)
		return cp_fail(EMSGSIZE,
			       "a frame of %zu bytes; the kernel runs %d to %d bytes in one piece",
			       length, ETH_HLEN, COREPATH_SIMULATE_LONGEST);
	cp_frame_flow(frame, length, &v->before);
	sim->told = false;
	v->has_service = v->has_backend = false;
	v->connection = COREPATH_CONNECTION_NONE;
	known = sim->conns >= 0 && !bpf_map_lookup_elem(sim->conns, &v->before, &conn);
	err = sim->at_tc ? cp_sim_tc_run(&sim->tc, frame, length, v)
			 : run_xdp(sim, frame, length, v);
	if (err)
		return err;
	err = corepath_watch_poll(sim->watch, 0);
	if (err < 0 && err != -EINTR && err != -ECANCELED)
		return err;
	/* nobody is told of packets that are left alone */
	v->reason = sim->told ? sim->event.reason : COREPATH_DROP_FORWARDED;
	v->after = sim->told ? sim->event.flow : v->before;
	v->rewritten = v->length != length || memcmp(v->frame, frame, length);
	if (sim->at_tc)
		return cp_sim_tc_tell(&sim->tc, v);
	fill_service(sim, v, known);
	return 0;
}

const char *corepath_connection_name(enum corepath_connection c)
{
	static const char *const names[] = {
		[COREPATH_CONNECTION_NONE] = "none",
		[COREPATH_CONNECTION_NEW] = "new",
		[COREPATH_CONNECTION_KNOWN] = "known",
		[COREPATH_CONNECTION_REPLY] = "reply",
	};

	return names[c];
}
