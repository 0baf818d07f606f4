/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of corepath.h that is the guard's: signatures, and rates of sources. */
#ifndef COREPATH_GUARD_H
#define COREPATH_GUARD_H

#include <stddef.h>
#include <corepath/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for a signature as text. */
#define COREPATH_SIGNATURE_STRLEN 320

struct corepath_signature_info {
	struct corepath_signature signature;
	struct corepath_counter hits;
};

/* A signature of this number that matches everything and drops; then narrowed by words. */
int corepath_signature_parse(const char *id, struct corepath_signature *s);

/* "dport=53", "bytes=00ff/00ff", ...: see 'corepath prefilter signature add --help'. */
int corepath_signature_option(const char *word, struct corepath_signature *s);

/* -EINVAL for one that would drop every packet. */
int corepath_signature_check(const struct corepath_signature *s);

/* Writes the number and the words to a buffer of COREPATH_SIGNATURE_STRLEN bytes and returns it. */
const char *corepath_signature_format(const struct corepath_signature *s, char *buf);

/* Each changes the running datapath; a packet meets all signatures of before or all of after. They
 * are looked at in the order of their numbers; the first one that drops ends it. Errors: -ENOENT if
 * nothing is up or there is no such signature, -EEXIST, -ENOSPC beyond COREPATH_SIGNATURES_MAX. */
int corepath_signature_add(const char *pin_dir, const struct corepath_signature *s);
int corepath_signature_del(const char *pin_dir, __u32 id);

/* Puts these in the place of all there are, at once. One that stays as it is keeps its count. */
int corepath_signatures_set(const char *pin_dir, const struct corepath_signature *list, size_t n);

/* Fills at most COREPATH_SIGNATURES_MAX of `list`, by number. */
int corepath_signature_list(const char *pin_dir, struct corepath_signature_info *list, size_t *n);

/* What one source may do: `rate` times in `seconds`, all of it at once if it likes. */
struct corepath_rate {
	__u32 rate; /* 0: no limit */
	__u32 seconds;
	__u32 len4, len6; /* addresses that share a prefix of this length are one source */
};

struct corepath_rates {
	struct corepath_rate packets;
	struct corepath_rate conns; /* TCP connections opened */
};

/* "packets=1000", "conns=100/60", "packets-prefix=32,64", "conns-prefix=24,56" */
int corepath_rates_option(const char *word, struct corepath_rates *rates);

/* No limit, and each address of IPv4 and each /64 of IPv6 (RFC 4291 section 2.5.1) is a source. */
void corepath_rates_default(struct corepath_rates *rates);
int corepath_rates_get(const char *pin_dir, struct corepath_rates *rates);
int corepath_rates_set(const char *pin_dir, const struct corepath_rates *rates);

#ifdef __cplusplus
}
#endif

#endif
