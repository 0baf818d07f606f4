// SPDX-License-Identifier: GPL-2.0-only
/*
 * again N: runs itself N more times, in the same process. One page and no libc, so that 20,000 runs
 * are few seconds: a static program with one takes five times as long to begin.
 */
#include <sys/syscall.h>

#ifndef __x86_64__
#error "say here how a program begins and how it calls the kernel"
#endif

__asm__(".globl _start\n"
	"_start: mov %rsp, %rdi\n"
	"and $-16, %rsp\n"
	"call begin\n");

static long call(long number, const void *a, const void *b, const void *c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* What the kernel leaves on the stack: argc, argv, NULL, the environment (System V ABI,
 * AMD64, 3.4.1). */
__attribute__((used)) static void begin(const long *stack)
{
	const char **argv = (const char **)(stack + 1), *from = argv[*stack - 1];
	char text[12], *to = text + sizeof(text) - 1;
	unsigned int n = 0;

	while (*from)
		n = n * 10 + *from++ - '0';
	if (!n)
		call(SYS_exit_group, 0, 0, 0);
	*to = '\0';
	n--;
	do {
		*--to = '0' + n % 10;
		n /= 10;
	} while (n);
	argv[*stack - 1] = to;
	call(SYS_execve, argv[0], argv, argv + *stack + 1);
	call(SYS_exit_group, (void *)1, 0, 0);
}
