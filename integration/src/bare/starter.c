/*
 * Says when it began, then sleeps until a signal ends it, or ends at once: `starter FILE [exit]`.
 *
 * Its first instructions read the monotonic clock and append 16 bytes to FILE: nanoseconds and pid.
 * No C library, so that "the first instruction of the program" means just that.
 *
 * System calls: clock_gettime, getpid, open, write, then pause or exit_group.
 */
typedef unsigned long word;

#if defined(__x86_64__)
enum { OPENAT = 257, WRITE = 1, PAUSE = 34, EXIT = 231, CLOCK = 228, GETPID = 39 };
static word call(word number, word a, word b, word c, word d)
{
    register word r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return number;
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\nandq $-16, %rsp\ncall begin\n");
#elif defined(__aarch64__)
enum { OPENAT = 56, WRITE = 64, PAUSE = 73, EXIT = 94, CLOCK = 113, GETPID = 172 };
static word call(word number, word a, word b, word c, word d)
{
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x8 __asm__("x8") = number;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x8) : "memory");
    return x0;
}
__asm__(".globl _start\n_start: mov x0, sp\nbl begin\n");
#else
#error "the starter is written for x86-64 and 64-bit ARM"
#endif

/* The kernel leaves the number of words at the top of the stack, then the words. */
void begin(word *stack)
{
    struct { word seconds, nanos; } now;
    word stamp[2];
    call(CLOCK, 1 /* CLOCK_MONOTONIC */, (word)&now, 0, 0);
    stamp[0] = now.seconds * 1000000000UL + now.nanos;
    stamp[1] = call(GETPID, 0, 0, 0, 0);
    if (stack[0] > 1) {
        /* AT_FDCWD; O_WRONLY | O_APPEND */
        word file = call(OPENAT, (word)-100, stack[2], 02001, 0);
        call(WRITE, file, (word)stamp, sizeof stamp, 0);
    }
    if (stack[0] > 2)
        call(EXIT, 0, 0, 0, 0);
    for (;;)
        call(PAUSE, 0, 0, 0, 0);
}
