// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel module whose loading is a mishap: MISHAP_... says which. It is built without the
 * kernel's headers: what a stock module of the same kernel tells of itself is enough
 * (test_ends_kernel.py reads MODULE_SIZE, MODULE_INIT and VERMAGIC from one).
 */
#define LOOP_NS	    (6 * 1000000000LL) /* twice what a soft lockup takes with watchdog_thresh=1 */
#define MODULE_NAME 24 /* offset of struct module's name: after an enum and a list_head */

/* Exported by every kernel from 5.10 on, but for the weak ones. */
long long ktime_get(void);
void msleep(unsigned int ms);
void refcount_warn_saturate(int *refcount, int kind);
void _raw_spin_lock_bh(int *lock);
void _raw_spin_unlock_bh(int *lock);
void __rcu_read_lock(void) __attribute__((weak)); /* with CONFIG_PREEMPT_RCU: not in 5.10 */
void __cond_resched(void) __attribute__((weak));  /* without lazy preemption: not in 7.2 */

int init_module(void)
{
#ifdef MISHAP_NULL
	*(volatile int *)0 = 1;
#elif defined(MISHAP_WARN)
	static int refcount;

	refcount_warn_saturate(&refcount, 3); /* REFCOUNT_SUB_UAF: a WARN, and life goes on */
#elif defined(MISHAP_LOOP)
	static int lock; /* under it nothing else gets the CPU */
	long long until = ktime_get() + LOOP_NS;

	_raw_spin_lock_bh(&lock);
	while (ktime_get() < until)
		__builtin_ia32_pause();
	_raw_spin_unlock_bh(&lock);
#elif defined(MISHAP_LOOP_FOR_EVER)
	static int lock;

	_raw_spin_lock_bh(&lock);
	for (;;)
		__builtin_ia32_pause();
#elif defined(MISHAP_READER)
	__rcu_read_lock(); /* never unlocked, though others may run */
	for (;;)
		if (__cond_resched)
			__cond_resched();
#elif defined(MISHAP_SLEEP)
	msleep(3600 * 1000); /* not to be interrupted, unlike a user's sleep */
#elif defined(MISHAP_TRIPLE_FAULT)
	static const struct {
		unsigned short limit;
		unsigned long base;
	} __attribute__((packed)) no_idt;

	asm volatile("lidt %0; int3" : : "m"(no_idt));
#else
#error which mishap?
#endif
	return 0;
}

static const char modinfo[] __attribute__((section(".modinfo"), used)) =
	"license=GPL\0name=mishap\0vermagic=" VERMAGIC;

static const struct {
	char before[MODULE_NAME], name[8], between[MODULE_INIT - MODULE_NAME - 8];
	int (*init)(void);
	char after[MODULE_SIZE - MODULE_INIT - 8];
} this_module __attribute__((section(".gnu.linkonce.this_module,\"aw\",@progbits#"), aligned(64),
			     used)) = {
	.name = "mishap",
	.init = init_module,
};
