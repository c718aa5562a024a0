#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/shell.h"

/* Run `vparticle ARGUMENTS` in the test's folder. */
static int run(const char *arguments)
{
    return shell_run("%s %s", VP_PROGRAM, arguments);
}

static void change_byte(const char *name, long offset)
{
    char path[128];
    shell_path(path, sizeof path, name);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    const int byte = fgetc(file);
    fseek(file, offset, SEEK_SET);
    fputc(byte ^ 0xFF, file);
    assert_int_equal(fclose(file), 0);
}

/* An image of a Photon's flash out of modules that were forged before. */
static void write_flash(const char *name, const char *const parts[4])
{
    static const long offsets[4] = {0, 0x20000, 0x60000, 0xA0000};
    static uint8_t bytes[1 << 20];
    char path[128];
    memset(bytes, 0xFF, sizeof bytes);
    for (unsigned i = 0; i < 4; i++) {
        if (parts[i]) {
            shell_path(path, sizeof path, parts[i]);
            FILE *file = fopen(path, "rb");
            assert_non_null(file);
            assert_true(fread(bytes + offsets[i], 1, 0x40000, file) > 1000);
            fclose(file);
        }
    }
    shell_path(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
}

static void what_is_forged_passes_inspection(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/system-part2@0.7.0 -o part2"), 0);
    shell_says("part2: photon system-part2, version 207, 255264 bytes for 0x08060000");
    assert_int_equal(run("inspect part2"), 0);
    shell_says("photon system-part2, version 207");
    shell_says("system-part1 207, bootloader 101");
    shell_says_not("FAIL");
}

static void a_changed_byte_fails_inspection(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o tinker"), 0);
    change_byte("tinker", 1000);
    assert_int_equal(run("inspect tinker"), 1);
    shell_says("CRC-32       FAIL");
    shell_says("SHA-256      FAIL");
    shell_says("range        ok");
}

/* A link stays a link, and what is no file at all is written into, never replaced. */
static void only_files_are_replaced(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o real && ln -s real link"), 0);
    assert_int_equal(run("forge photon/tinker@4 -o link && test -L link && cmp -s real link"), 0);
    assert_int_equal(run("inspect real"), 0);
    shell_says("version 4");
    assert_int_equal(run("forge photon/tinker@2 -o /dev/null && test -c /dev/null"), 0);
    assert_int_equal(run("forge photon/tinker@2 -o /dev/full"), 3);
    shell_says("cannot write /dev/full");
    assert_int_equal(run("--version && mkfifo pipe && (cat pipe > read & " VP_PROGRAM
                         " forge photon/tinker@2 -o pipe; wait) && test -p pipe"),
                     0);
    assert_int_equal(run("inspect read"), 0);
}

static void what_is_no_module_is_told(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o whole && head -c 3000 whole > cut"), 0);
    assert_int_equal(run("inspect cut"), 2);
    shell_says(
        "cut: the header at 0x0 says 0x080a0000 to 0x080a0f6c and a CRC, but there are 3000");
    assert_int_equal(run("inspect nothing"), 2);
    shell_says("nothing: No such file");
    assert_int_equal(run("inspect ."), 2);
    shell_says("is not a file");
    assert_int_equal(run("inspect"), 2);
    /* One bad file does not hide the good ones, and the worst one counts. */
    assert_int_equal(run("inspect whole cut"), 2);
    shell_says("photon user, version 2");
}

static void flash_images_show_each_slot(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/bootloader@7 -o bootloader"), 0);
    assert_int_equal(run("forge photon/system-part1@0.5.2 -o part1"), 0);
    assert_int_equal(run("forge photon/system-part2@0.5.2 -o old"), 0);
    assert_int_equal(run("forge photon/system-part2@0.7.0 -o new"), 0);
    write_flash("good.img", (const char *const[]){"bootloader", "part1", "old", NULL});
    assert_int_equal(run("inspect good.img"), 0);
    shell_says("good.img: flash of a photon");
    shell_says(
        "system-part2  0x08060000  17      0.5.2     187492  ok   ok       ok     ok        ok");
    shell_says("user          0x080a0000  erased");
    write_flash("mixed.img", (const char *const[]){"bootloader", "part1", "new", NULL});
    assert_int_equal(run("inspect mixed.img"), 1);
    shell_says("FAIL: needs system-part1 207 but has 17, needs bootloader 101 but has 7");
    write_flash("gap.img", (const char *const[]){"bootloader", NULL, "old", NULL});
    assert_int_equal(run("inspect gap.img"), 1);
    shell_says("FAIL: needs system-part1 17, which is missing");
    write_flash("empty.img", (const char *const[]){NULL, NULL, NULL, NULL});
    assert_int_equal(run("inspect empty.img"), 2);
    shell_says("no module at any place");
    change_byte("good.img", 0x30000);
    assert_int_equal(run("inspect good.img"), 1);
    shell_says("250956  FAIL FAIL     ok     ok        ok");
}

static void forge_names_the_nearest_known(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/bootloader@12 -o x"), 2);
    shell_says("the nearest known: 11 and 100");
    assert_int_equal(run("forge proton/bootloader@12 -o x"), 2);
    shell_says("there is no platform 'proton'; known are photon");
    assert_int_equal(run("forge photon/bootloader@11"), 2);
    shell_says("say with -o FILE where to write it");
    assert_int_equal(run("forge bootloader@11 -o x"), 2);
    shell_says("is not PLATFORM/PART@VERSION");
    assert_int_equal(run("inspect x"), 2);
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o no/such/folder/x"), 3);
    shell_says("cannot write no/such/folder/x: No such file or directory");
    /* A directory cannot be replaced by the rename at the end. */
    char path[128];
    shell_path(path, sizeof path, "taken");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(run("forge photon/tinker@2 -o taken"), 3);
    assert_int_equal(run("--version; ls"), 0);
    shell_says_not("taken.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forged_passes_inspection),
        cmocka_unit_test(a_changed_byte_fails_inspection),
        cmocka_unit_test(only_files_are_replaced),
        cmocka_unit_test(what_is_no_module_is_told),
        cmocka_unit_test(flash_images_show_each_slot),
        cmocka_unit_test(forge_names_the_nearest_known),
        cmocka_unit_test(a_file_that_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests_name("cli", tests, shell_set_up, shell_tear_down);
}
