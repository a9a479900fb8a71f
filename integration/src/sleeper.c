/*
 * Sleeps until a signal ends it, and needs nothing else: no C library, no heap, one page of stack.
 * For tests with very many programs, where the programs must not be what is measured.
 */
#if defined(__x86_64__)
static void pause_once(void)
{
    long number = 34; /* pause */
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
}
#elif defined(__aarch64__)
static void pause_once(void)
{
    register long fds __asm__("x0") = 0;
    register long count __asm__("x1") = 0;
    register long timeout __asm__("x2") = 0;
    register long mask __asm__("x3") = 0;
    register long number __asm__("x8") = 73; /* ppoll */
    __asm__ volatile("svc 0"
                     : "+r"(fds)
                     : "r"(count), "r"(timeout), "r"(mask), "r"(number)
                     : "memory");
}
#else
#error "the sleeper is written for x86-64 and 64-bit ARM"
#endif

void _start(void)
{
    for (;;)
        pause_once();
}
