/* SPDX-License-Identifier: GPL-2.0-only */
/* The steps of a row (lb_table.py): commands and packets, in turn. */
#ifndef FUNCTIONAL_TABLE_STEPS_H
#define FUNCTIONAL_TABLE_STEPS_H

#include <corepath.h>
#include <jansson.h>

/* Where the datapath of the tables is pinned. */
#define TABLE_PIN_DIR "/sys/fs/bpf/functional-table"

/*
 * The devices there are for endpoints: veth pairs whose other end is in another namespace, as a
 * container's is, and one, the last, whose other end is in the same.
 */
#define TABLE_ENDPOINTS 4
#define TABLE_DEVICE	"ep%d"
#define TABLE_MAC	"02:00:00:00:10:%02x"

/* A pinned map or program, or the end of the test. */
int table_pin(const char *name);

/* -1 if nothing of that name is pinned. */
int table_pin_if_there(const char *name);

/* Ends the test with the library's error if `err`. */
void table_must(int err);

/* The most words of a command. */
#define TABLE_WORDS 32

/* table_commands.c: words as loader/cmd/ takes them. */
void table_command(const char **words, size_t n);

/* Removes what commands made, all of it; keeps what was loaded. */
void table_commands_reset(void);

/* The first program of the XDP chain. */
int table_xdp_program(void);

/* table_packets.c: one packet through a program. Adds to `want` what it is counted as. */
void table_packet(json_t *step, size_t index, struct corepath_counter *want);

/* table_uplink.c: the words after "uplink", and a reset as above. */
void table_uplink(const char **words, size_t n);
void table_uplink_reset(void);

/* table_state.c: a step that looks at connections, rules or counts, or changes connections' age.
 * False if it is none of those. */
bool table_state(json_t *step, size_t index);

#endif
