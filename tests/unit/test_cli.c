#include <setjmp.h>
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

static char folder[] = "/tmp/vparticle-cli-XXXXXX";
static char output[16384];

/* Run `vparticle ARGUMENTS` in the test's folder; standard output and error go to `output`. */
static int run(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && %s %s 2>&1", folder, VP_PROGRAM, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void says(const char *text)
{
    if (!strstr(output, text)) {
        fail_msg("expected \"%s\" in:\n%s", text, output);
    }
}

static void says_not(const char *text)
{
    if (strstr(output, text)) {
        fail_msg("unexpected \"%s\" in:\n%s", text, output);
    }
}

static void path_of(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static void change_byte(const char *name, long offset)
{
    char path[128];
    path_of(path, sizeof path, name);
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
            path_of(path, sizeof path, parts[i]);
            FILE *file = fopen(path, "rb");
            assert_non_null(file);
            assert_true(fread(bytes + offsets[i], 1, 0x40000, file) > 1000);
            fclose(file);
        }
    }
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
}

static void what_is_forged_passes_inspection(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/system-part2@0.7.0 -o part2"), 0);
    says("part2: photon system-part2, version 207, 255264 bytes for 0x08060000");
    assert_int_equal(run("inspect part2"), 0);
    says("photon system-part2, version 207");
    says("system-part1 207, bootloader 101");
    says_not("FAIL");
}

static void a_changed_byte_fails_inspection(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o tinker"), 0);
    change_byte("tinker", 1000);
    assert_int_equal(run("inspect tinker"), 1);
    says("CRC-32       FAIL");
    says("SHA-256      FAIL");
    says("range        ok");
}

/* A link stays a link, and what is no file at all is written into, never replaced. */
static void only_files_are_replaced(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o real && ln -s real link"), 0);
    assert_int_equal(run("forge photon/tinker@4 -o link && test -L link && cmp -s real link"), 0);
    assert_int_equal(run("inspect real"), 0);
    says("version 4");
    assert_int_equal(run("forge photon/tinker@2 -o /dev/null && test -c /dev/null"), 0);
    assert_int_equal(run("forge photon/tinker@2 -o /dev/full"), 3);
    says("cannot write /dev/full");
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
    says("cut: the header at 0x0 says 0x080a0000 to 0x080a0f6c and a CRC, but there are 3000");
    assert_int_equal(run("inspect nothing"), 2);
    says("nothing: No such file");
    assert_int_equal(run("inspect ."), 2);
    says("is not a file");
    assert_int_equal(run("inspect"), 2);
    /* One bad file does not hide the good ones, and the worst one counts. */
    assert_int_equal(run("inspect whole cut"), 2);
    says("photon user, version 2");
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
    says("good.img: flash of a photon");
    says("system-part2  0x08060000  17      0.5.2     187492  ok   ok       ok     ok        ok");
    says("user          0x080a0000  erased");
    write_flash("mixed.img", (const char *const[]){"bootloader", "part1", "new", NULL});
    assert_int_equal(run("inspect mixed.img"), 1);
    says("FAIL: needs system-part1 207 but has 17, needs bootloader 101 but has 7");
    write_flash("gap.img", (const char *const[]){"bootloader", NULL, "old", NULL});
    assert_int_equal(run("inspect gap.img"), 1);
    says("FAIL: needs system-part1 17, which is missing");
    write_flash("empty.img", (const char *const[]){NULL, NULL, NULL, NULL});
    assert_int_equal(run("inspect empty.img"), 2);
    says("no module at any place");
    change_byte("good.img", 0x30000);
    assert_int_equal(run("inspect good.img"), 1);
    says("250956  FAIL FAIL     ok     ok        ok");
}

static void forge_names_the_nearest_known(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/bootloader@12 -o x"), 2);
    says("the nearest known: 11 and 100");
    assert_int_equal(run("forge proton/bootloader@12 -o x"), 2);
    says("there is no platform 'proton'; known are photon");
    assert_int_equal(run("forge photon/bootloader@11"), 2);
    says("say with -o FILE where to write it");
    assert_int_equal(run("forge bootloader@11 -o x"), 2);
    says("is not PLATFORM/PART@VERSION");
    assert_int_equal(run("inspect x"), 2);
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(run("forge photon/tinker@2 -o no/such/folder/x"), 3);
    says("cannot write no/such/folder/x: No such file or directory");
    /* A directory cannot be replaced by the rename at the end. */
    char path[128];
    path_of(path, sizeof path, "taken");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(run("forge photon/tinker@2 -o taken"), 3);
    assert_int_equal(run("--version; ls"), 0);
    says_not("taken.");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
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
    return cmocka_run_group_tests_name("cli", tests, make_folder, remove_folder);
}
