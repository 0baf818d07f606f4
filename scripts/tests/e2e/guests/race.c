// SPDX-License-Identifier: GPL-2.0-only
/*
 * A planted race: two threads add to one counter without a lock, on a CPU each as far as there are
 * two. An update is lost only when the other thread gets its turn between a read and the write that
 * follows it, which most runs do not meet.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TURNS 20000
#define APART 40 /* empty turns between two updates: what is not in the window */

static volatile unsigned counter;
static unsigned ready;

static void *add(void *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		exit(3);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	for (unsigned i = 0; i < TURNS; i++) {
		counter = counter + 1;
		for (volatile unsigned n = 0; n < APART; n++)
			;
	}
	return NULL;
}

int main(void)
{
	int out = atoi(getenv("VMTEST_RESULT_FD"));
	pthread_t threads[2];

	dprintf(out, "{\"start\": \"race.counter\"}\n");
	for (long i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, add, (void *)i))
			return 3;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	if (counter == 2 * TURNS)
		dprintf(out, "{\"test\": \"race.counter\", \"status\": \"PASS\"}\n");
	else
		dprintf(out,
			"{\"test\": \"race.counter\", \"status\": \"FAIL\","
			" \"reason\": \"%u of %u updates were lost\"}\n",
			2 * TURNS - counter, 2 * TURNS);
	return 0;
}
