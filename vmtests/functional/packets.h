/* SPDX-License-Identifier: GPL-2.0-only */
/* What rows of all tables have: packets as hexadecimal text, and verdicts by name. */
#ifndef FUNCTIONAL_PACKETS_H
#define FUNCTIONAL_PACKETS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* gen_cases.py lets no packet be longer than 3072; the rest is room for one that grows. */
#define PACKET_MAX 4096

/* The text of @key in @row; a row without it ends the test as ERROR. */
const char *packets_text(json_t *row, const char *key);

/* Writes the bytes of @hex to @out (PACKET_MAX). Returns how many they are. */
size_t packets_bytes(const char *hex, unsigned char *out);

/* The bytes as text, allocated. */
char *packets_hex(const unsigned char *bytes, size_t len);

/* "pass", "drop", ...: enum xdp_action. */
const char *packets_verdict(unsigned int verdict);

/* "next", "ok", "shot", "redirect": TC_ACT_* of include/uapi/linux/pkt_cls.h. */
const char *packets_tc_verdict(unsigned int verdict);

/* The whole chain (lb_table.c): brings the datapath up, once, with devices for
 * endpoints (table_steps.h) if any table needs them; runs a row. */
void lb_table_open(bool devices);
void lb_table_run(json_t *row);

/* For other tests of it: empties it and returns the program's descriptor; a command as `corepath`
 * takes it; all counters (COREPATH_DROP_COUNT). What fails ends the test. */
struct corepath_counter;
int lb_table_begin(void);
void lb_table_command(const char *line);
void lb_table_counters(struct corepath_counter *counters);

#endif
