#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/flash.h"

static struct vp_flash *fresh(void)
{
    struct vp_flash *flash;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    return flash;
}

static uint8_t byte_at(const struct vp_flash *flash, uint32_t address)
{
    uint8_t byte;
    assert_int_equal(vp_flash_read(flash, address, &byte, 1), 0);
    return byte;
}

static void has_the_sectors_of_the_reference_manual(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    assert_int_equal(vp_flash_geometry(flash)->sector_count, 12);
    assert_int_equal(vp_flash_sector_at(flash, 0x0800FFFF)->address, 0x0800C000);
    assert_int_equal(vp_flash_sector_at(flash, 0x08010000)->size, 0x10000);
    assert_int_equal(vp_flash_sector_at(flash, 0x080FFFFF)->address, 0x080E0000);
    assert_null(vp_flash_sector_at(flash, 0x08100000));
    assert_null(vp_flash_sector_at(flash, 0x07FFFFFF));
    vp_flash_destroy(flash);
}

static void programming_only_clears_bits(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    assert_int_equal(vp_flash_program(flash, 0x080A0000, "\xF0", 1), 0);
    assert_int_equal(vp_flash_program(flash, 0x080A0000, "\x3C", 1), 0);
    assert_int_equal(byte_at(flash, 0x080A0000), 0x30);
    assert_int_equal(vp_flash_erase(flash, 0x080BFFFF), 0);
    assert_int_equal(byte_at(flash, 0x080A0000), 0xFF);
    vp_flash_destroy(flash);
}

static void a_range_is_erased_with_all_sectors_that_it_touches(void **state)
{
    (void)state;
    struct vp_flash *flash;
    uint8_t byte = 0;
    assert_int_equal(vp_flash_create(&flash, &vp_flash_stm32f205), 0);
    static const uint32_t touched[] = {0x0800FFFF, 0x08010000, 0x0803FFFF};
    static const uint32_t others[] = {0x0800BFFF, 0x08040000};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vp_flash_program(flash, touched[i], &byte, 1), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vp_flash_program(flash, others[i], &byte, 1), 0);
    }
    assert_int_equal(vp_flash_erase_range(flash, 0x0800FFFF, 0), 0);
    assert_int_equal(vp_flash_read(flash, 0x0800FFFF, &byte, 1), 0);
    assert_int_equal(byte, 0);
    assert_int_equal(vp_flash_erase_range(flash, 0x0800FFFF, 0x10002), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vp_flash_read(flash, touched[i], &byte, 1), 0);
        assert_int_equal(byte, 0xFF);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vp_flash_read(flash, others[i], &byte, 1), 0);
        assert_int_equal(byte, 0);
    }
    assert_int_equal(vp_flash_erase_range(flash, 0x080E0000, 0x20001), VP_ERROR_RANGE);
    assert_int_equal(vp_flash_erase_range(flash, 0xFFFFFFF0, UINT32_MAX), VP_ERROR_RANGE);
    vp_flash_destroy(flash);
}

static void erase_leaves_the_neighbours(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    assert_int_equal(vp_flash_program(flash, 0x0809FFFE, "abcd", 4), 0);
    assert_int_equal(vp_flash_erase(flash, 0x080A0000), 0);
    assert_int_equal(byte_at(flash, 0x0809FFFF), 'b');
    assert_int_equal(byte_at(flash, 0x080A0000), 0xFF);
    vp_flash_destroy(flash);
}

static void out_of_range_changes_nothing(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    uint8_t data[8] = {0};
    assert_int_equal(vp_flash_program(flash, 0x080FFFFC, data, 8), VP_ERROR_RANGE);
    assert_int_equal(vp_flash_program(flash, 0xFFFFFFFC, data, 8), VP_ERROR_RANGE);
    assert_int_equal(vp_flash_read(flash, 0x07FFFFFF, data, 1), VP_ERROR_RANGE);
    assert_int_equal(vp_flash_erase(flash, 0x20000000), VP_ERROR_RANGE);
    assert_int_equal(byte_at(flash, 0x080FFFFC), 0xFF);
    assert_int_equal(vp_flash_private_bytes(flash), 0);
    vp_flash_destroy(flash);
}

static void forks_share_until_they_write(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    assert_int_equal(vp_flash_program(flash, 0x080A0000, "abcd", 4), 0);
    assert_int_equal(vp_flash_private_bytes(flash), 0x20000);
    struct vp_flash *fork;
    assert_int_equal(vp_flash_fork(&fork, flash), 0);
    assert_int_equal(vp_flash_private_bytes(flash), 0);
    assert_int_equal(vp_flash_private_bytes(fork), 0);
    assert_int_equal(vp_flash_program(fork, 0x080A0001, "\0", 1), 0);
    assert_int_equal(byte_at(flash, 0x080A0001), 'b');
    assert_int_equal(byte_at(fork, 0x080A0001), 0);
    assert_int_equal(byte_at(fork, 0x080A0003), 'd');
    vp_flash_destroy(flash);
    assert_int_equal(byte_at(fork, 0x080A0000), 'a');
    vp_flash_destroy(fork);
}

struct cut {
    uint64_t at;
    uint32_t after;
    unsigned fired;
};

static uint32_t cut_operation(void *context, const struct vp_flash_operation *operation)
{
    struct cut *cut = context;
    if (operation->index != cut->at) {
        return operation->length;
    }
    cut->fired++;
    return cut->after;
}

static void the_hook_cuts_in_the_middle_of_an_operation(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    struct cut cut = {.at = 0, .after = 2};
    vp_flash_set_hook(flash, cut_operation, &cut);
    assert_int_equal(vp_flash_program(flash, 0x080A0000, "abcd", 4), VP_ERROR_FLASH);
    assert_int_equal(cut.fired, 1);
    assert_int_equal(byte_at(flash, 0x080A0001), 'b');
    assert_int_equal(byte_at(flash, 0x080A0002), 0xFF);
    cut = (struct cut){.at = 1, .after = 1};
    assert_int_equal(vp_flash_erase(flash, 0x080A0000), VP_ERROR_FLASH);
    assert_int_equal(cut.fired, 1);
    assert_int_equal(byte_at(flash, 0x080A0000), 0xFF);
    assert_int_equal(byte_at(flash, 0x080A0001), 'b');
    vp_flash_destroy(flash);
}

static void each_word_is_an_operation_of_its_own(void **state)
{
    (void)state;
    struct vp_flash *flash = fresh();
    uint8_t words[40];
    for (unsigned i = 0; i < sizeof words; i++) {
        words[i] = (uint8_t)(i + 1);
    }
    assert_int_equal(vp_flash_program_words(flash, 0x0805FFF0, words, sizeof words), 0);
    assert_int_equal(vp_flash_operations(flash), 10);
    assert_int_equal(byte_at(flash, 0x0805FFF0), 1);
    assert_int_equal(byte_at(flash, 0x08060017), 40);
    struct cut cut = {.at = 12, .after = 1};
    vp_flash_set_hook(flash, cut_operation, &cut);
    assert_int_equal(vp_flash_program_words(flash, 0x080A0000, words, 40), VP_ERROR_FLASH);
    assert_int_equal(cut.fired, 1);
    assert_int_equal(byte_at(flash, 0x080A0007), 8);
    assert_int_equal(byte_at(flash, 0x080A0008), 9);
    assert_int_equal(byte_at(flash, 0x080A0009), 0xFF);
    vp_flash_set_hook(flash, NULL, NULL);
    assert_int_equal(vp_flash_program_words(flash, 0x080FFFFC, words, 8), VP_ERROR_RANGE);
    assert_int_equal(byte_at(flash, 0x080FFFFC), 1);
    assert_int_equal(vp_flash_program_words(flash, 0x080A0002, words, 4), VP_ERROR_INVALID);
    assert_int_equal(vp_flash_program_words(flash, 0x080A0000, words, 6), VP_ERROR_INVALID);
    vp_flash_destroy(flash);
}

static void an_image_file_outlives_kill_9(void **state)
{
    (void)state;
    char folder[] = "/tmp/vparticle-flash-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/image", folder);
    pid_t child = fork();
    if (child == 0) {
        struct vp_flash *flash;
        if (vp_flash_open_image(&flash, &vp_flash_stm32f205, path, NULL) ||
            vp_flash_program(flash, 0x080A0000, "kept", 4)) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct vp_flash *flash;
    struct vp_failure failure;
    assert_int_equal(vp_flash_open_image(&flash, &vp_flash_stm32f205, path, &failure), 0);
    char data[5] = "";
    assert_int_equal(vp_flash_read(flash, 0x080A0000, data, 4), 0);
    assert_string_equal(data, "kept");
    assert_int_equal(byte_at(flash, 0x08000000), 0xFF);
    struct vp_flash *second;
    assert_int_equal(vp_flash_open_image(&second, &vp_flash_stm32f205, path, &failure),
                     VP_ERROR_BUSY);
    struct vp_flash *in_memory;
    assert_int_equal(vp_flash_fork(&in_memory, flash), 0);
    assert_int_equal(vp_flash_erase(in_memory, 0x080A0000), 0);
    assert_int_equal(byte_at(flash, 0x080A0000), 'k');
    vp_flash_destroy(in_memory);
    vp_flash_destroy(flash);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(vp_flash_open_image(&second, &vp_flash_stm32f205, path, &failure),
                     VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "1048576"));
    unlink(path);
    rmdir(folder);
}

/* ---- A pool ------------------------------------------------------------------------------------
 */

static void fill(struct vp_flash *flash, uint32_t address, uint8_t value)
{
    uint8_t bytes[1024];
    memset(bytes, value, sizeof bytes);
    assert_int_equal(vp_flash_program(flash, address, bytes, sizeof bytes), 0);
}

static void a_pool_keeps_equal_sectors_once(void **state)
{
    (void)state;
    struct vp_flash_pool *pool;
    struct vp_flash *a = fresh(), *b = fresh(), *c = fresh();
    assert_int_equal(vp_flash_pool_create(&pool), 0);
    fill(a, 0x080A0000, 1);
    fill(b, 0x080A0000, 1);
    fill(c, 0x080A0000, 2);
    vp_flash_share(pool, a);
    vp_flash_share(pool, b);
    vp_flash_share(pool, c);
    assert_int_equal(vp_flash_private_bytes(a), 0);
    assert_int_equal(vp_flash_private_bytes(b), 0);
    assert_int_equal(byte_at(c, 0x080A0000), 2);

    /* One writes: the others keep what they have. */
    fill(a, 0x080A1000, 3);
    assert_int_equal(vp_flash_private_bytes(a), 0x20000);
    assert_int_equal(byte_at(a, 0x080A0000), 1);
    assert_int_equal(byte_at(a, 0x080A1000), 3);
    assert_int_equal(byte_at(b, 0x080A1000), 0xFF);

    /* And when it has the same again, it shares again. */
    fill(b, 0x080A1000, 3);
    vp_flash_share(pool, a);
    vp_flash_share(pool, b);
    assert_int_equal(vp_flash_private_bytes(b), 0);
    vp_flash_pool_destroy(pool);
    fill(b, 0x080A2000, 4);
    assert_int_equal(byte_at(a, 0x080A2000), 0xFF);
    assert_int_equal(byte_at(a, 0x080A1000), 3);
    vp_flash_destroy(a);
    vp_flash_destroy(b);
    vp_flash_destroy(c);
}

static void a_pool_outlives_its_flashes(void **state)
{
    (void)state;
    struct vp_flash_pool *pool;
    assert_int_equal(vp_flash_pool_create(&pool), 0);
    for (unsigned i = 0; i < 300; i++) { /* so many that it looks for what nobody uses any more */
        struct vp_flash *flash = fresh(), *fork;
        fill(flash, 0x08000000, (uint8_t)i);
        fill(flash, 0x08004000, (uint8_t)(i >> 4));
        vp_flash_share(pool, flash);
        assert_int_equal(vp_flash_fork(&fork, flash), 0);
        vp_flash_destroy(flash);
        fill(fork, 0x08000400, 0);
        assert_int_equal(byte_at(fork, 0x08000000), (uint8_t)i);
        assert_int_equal(byte_at(fork, 0x08004000), (uint8_t)(i >> 4));
        vp_flash_destroy(fork);
    }
    vp_flash_pool_destroy(pool);
    vp_flash_pool_destroy(NULL);
}

static void a_pool_releases_what_is_full_of_ones(void **state)
{
    (void)state;
    struct vp_flash_pool *pool;
    struct vp_flash *flash = fresh();
    assert_int_equal(vp_flash_pool_create(&pool), 0);
    fill(flash, 0x08020000, 0xFF);
    assert_int_equal(vp_flash_private_bytes(flash), 0x20000);
    vp_flash_share(pool, flash);
    assert_int_equal(vp_flash_private_bytes(flash), 0);
    assert_int_equal(byte_at(flash, 0x08020000), 0xFF);
    vp_flash_pool_destroy(pool);
    vp_flash_destroy(flash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_sectors_of_the_reference_manual),
        cmocka_unit_test(programming_only_clears_bits),
        cmocka_unit_test(a_range_is_erased_with_all_sectors_that_it_touches),
        cmocka_unit_test(erase_leaves_the_neighbours),
        cmocka_unit_test(out_of_range_changes_nothing),
        cmocka_unit_test(forks_share_until_they_write),
        cmocka_unit_test(a_pool_keeps_equal_sectors_once),
        cmocka_unit_test(a_pool_outlives_its_flashes),
        cmocka_unit_test(a_pool_releases_what_is_full_of_ones),
        cmocka_unit_test(the_hook_cuts_in_the_middle_of_an_operation),
        cmocka_unit_test(each_word_is_an_operation_of_its_own),
        cmocka_unit_test(an_image_file_outlives_kill_9),
    };
    return cmocka_run_group_tests_name("flash", tests, NULL, NULL);
}
