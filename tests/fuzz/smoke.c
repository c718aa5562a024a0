/*
 * Runs a fuzz target without libFuzzer: on each file of the folder named on the command line, and
 * on a fixed number of mutations of it. The same run every time.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAXIMUM_SIZE = 65536, MUTATIONS = 500 };

static uint64_t random_state = 1;

static uint32_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545F4914F6CDD1Du >> 32);
}

/* The target gets a block of exactly its size, so that a sanitizer sees each read past it. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    if (size) {
        memcpy(copy, data, size);
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate_and_run(const uint8_t *seed, size_t size)
{
    static uint8_t data[MAXIMUM_SIZE];
    memcpy(data, seed, size);
    for (unsigned changes = 1 + next_random() % 8; size && changes; changes--) {
        data[next_random() % size] = (uint8_t)next_random();
    }
    run(data, next_random() % 4 && size ? size : next_random() % (size + 1));
}

static void run_file(const char *folder, const char *name)
{
    static uint8_t seed[MAXIMUM_SIZE];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    const size_t size = fread(seed, 1, sizeof seed, file);
    fclose(file);
    run(seed, size);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        mutate_and_run(seed, size);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (!folder) {
        perror(argv[1]);
        return 1;
    }
    unsigned files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') {
            run_file(argv[1], entry->d_name);
            files++;
        }
    }
    closedir(folder);
    run(NULL, 0);
    printf("%u seeds, %d mutations of each\n", files, MUTATIONS);
    return files ? 0 : 1;
}
