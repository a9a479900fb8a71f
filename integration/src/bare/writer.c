/*
 * Writes lines of 100 bytes to its stdout: `writer BYTES CHUNK`, CHUNK bytes with each write().
 *
 * System calls: BYTES / CHUNK times write.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    long left = atol(words[1]);
    long chunk = atol(words[2]);
    char *buffer = malloc(chunk);
    if (buffer == NULL || chunk < 1)
        return 2;
    memset(buffer, 'x', chunk);
    for (long end = 99; end < chunk; end += 100)
        buffer[end] = '\n';
    while (left > 0) {
        ssize_t written = write(1, buffer, left < chunk ? left : chunk);
        if (written <= 0)
            return 1;
        left -= written;
    }
    return 0;
}
