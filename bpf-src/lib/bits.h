/* SPDX-License-Identifier: GPL-2.0-only */
/* Bit searches, without the builtins that the BPF back end of clang 14 crashes on. */
#ifndef COREPATH_BITS_H
#define COREPATH_BITS_H

/* Every six bits that follow each other in it are another number: a de Bruijn sequence B(2, 6)
 * (Leiserson, Prokop, Randall: "Using de Bruijn Sequences to Index a 1 in a Computer Word", 1998).
 */
#define DE_BRUIJN	0x03f79d71b4cb0a89ULL
#define DE_BRUIJN_AT(n) [(DE_BRUIJN << (n)) >> 58] = (n)
#define DE_BRUIJN_4(n)                                                                             \
	DE_BRUIJN_AT(n), DE_BRUIJN_AT((n) + 1), DE_BRUIJN_AT((n) + 2), DE_BRUIJN_AT((n) + 3)
#define DE_BRUIJN_16(n)                                                                            \
	DE_BRUIJN_4(n), DE_BRUIJN_4((n) + 4), DE_BRUIJN_4((n) + 8), DE_BRUIJN_4((n) + 12)

static const __u8 de_bruijn[64] = {DE_BRUIJN_16(0), DE_BRUIJN_16(16), DE_BRUIJN_16(32),
				   DE_BRUIJN_16(48)};

/* The number of the lowest bit that is set; there must be one. Without a branch, as 64 outcomes
 * that the verifier knew apart would be 64 ways to go on. */
static __always_inline __u32 lowest_bit(__u64 bits)
{
	return de_bruijn[((bits & -bits) * DE_BRUIJN) >> 58];
}

#endif
