#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/forge.h"
#include "vparticle/nearest.h"

static const enum vp_platform modular[] = {VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                           VP_PLATFORM_ELECTRON};

static const struct vp_catalogue_release *release_of(enum vp_platform platform, const char *name)
{
    const struct vp_catalogue_release *release = vp_catalogue_find_release(platform, name);
    assert_non_null(release);
    return release;
}

static void knows_the_parts_of_a_release(void **state)
{
    (void)state;
    const struct vp_catalogue_release *release = release_of(VP_PLATFORM_PHOTON, "0.5.2");
    assert_int_equal(release->version, 17);
    assert_int_equal(release->bootloader, 7);
    assert_int_equal(release->bootloader_origin, VP_BOOTLOADER_EMBEDDED);
    const struct vp_catalogue_module *part = vp_catalogue_part(release, "system-part2");
    assert_non_null(part);
    assert_int_equal(part->size, 187492);
    assert_int_equal(part->address, 0x08060000);
    assert_int_equal(part->header_offset, 0x184);
    assert_int_equal(part->embedded_bootloader, 7);
    assert_int_equal(part->dependencies[0].function, VP_MODULE_SYSTEM);
    assert_int_equal(part->dependencies[0].index, 1);
    assert_int_equal(part->dependencies[0].version, 17);
    assert_int_equal(part->dependencies[1].function, VP_MODULE_NONE);
    assert_int_equal(part->status, VP_KNOWN_VERIFIED);
    assert_null(vp_catalogue_part(release, "system-part3"));
}

static void electron_files_and_indexes_differ_since_0_6_0(void **state)
{
    (void)state;
    const struct vp_catalogue_release *old = release_of(VP_PLATFORM_ELECTRON, "0.5.5");
    const struct vp_catalogue_release *new = release_of(VP_PLATFORM_ELECTRON, "0.6.0");
    assert_int_equal(vp_catalogue_part(old, "system-part1")->index, 1);
    assert_int_equal(vp_catalogue_part(new, "system-part1")->index, 3);
    assert_int_equal(vp_catalogue_part(new, "system-part1")->header_offset, 0);
    assert_int_equal(vp_catalogue_part(new, "system-part2")->index, 1);
    assert_int_equal(vp_catalogue_part(new, "system-part3")->index, 2);
}

static void finds_releases_by_number(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        uint16_t version;
        const char *name;
    } expected[] = {
        {VP_PLATFORM_PHOTON, 17, "0.5.2"},     {VP_PLATFORM_PHOTON, 207, "0.7.0"},
        {VP_PLATFORM_PHOTON, 3, "0.4.3"},      {VP_PLATFORM_PHOTON, 1000, "1.0.0"},
        {VP_PLATFORM_P1, 2302, "2.3.1"},       {VP_PLATFORM_ELECTRON, 110, "0.6.4"},
        {VP_PLATFORM_ELECTRON, 3302, "3.3.1"}, {VP_PLATFORM_ELECTRON, 1, "0.0.2"},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct vp_catalogue_release *release =
            vp_catalogue_release_by_version(expected[i].platform, expected[i].version);
        assert_non_null(release);
        assert_string_equal(release->name, expected[i].name);
    }
    assert_null(vp_catalogue_release_by_version(VP_PLATFORM_PHOTON, 110));
    assert_null(vp_catalogue_release_by_version(VP_PLATFORM_CORE, 207));
}

static void says_which_bootloader_a_release_leaves(void **state)
{
    (void)state;
    static const struct {
        enum vp_platform platform;
        const char *release;
        uint16_t bootloader;
    } expected[] = {
        /* The source of 0.4.6 says 5, its Photon binary carries 4, that for the P1 5. */
        {VP_PLATFORM_PHOTON, "0.4.6", 4},      {VP_PLATFORM_P1, "0.4.6", 5},
        {VP_PLATFORM_PHOTON, "0.6.0", 7},      {VP_PLATFORM_PHOTON, "0.6.3", 11},
        {VP_PLATFORM_PHOTON, "0.7.0", 101},    {VP_PLATFORM_PHOTON, "1.0.0", 201},
        {VP_PLATFORM_PHOTON, "1.2.1", 311},    {VP_PLATFORM_PHOTON, "1.5.0", 501},
        {VP_PLATFORM_P1, "2.2.0", 1006},       {VP_PLATFORM_ELECTRON, "0.5.2", 6},
        {VP_PLATFORM_ELECTRON, "0.6.4", 11},   {VP_PLATFORM_ELECTRON, "1.5.0", 400},
        {VP_PLATFORM_ELECTRON, "2.0.0", 1003},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(release_of(expected[i].platform, expected[i].release)->bootloader,
                         expected[i].bootloader);
    }
}

/* In order, with a bootloader that is new enough for the parts, and with all parts. */
static void every_release_is_whole(void **state)
{
    (void)state;
    for (unsigned p = 0; p < sizeof modular / sizeof modular[0]; p++) {
        unsigned count;
        const struct vp_catalogue_release *releases = vp_catalogue_releases(modular[p], &count);
        assert_in_range(count, 90, 200);
        for (unsigned i = 0; i < count; i++) {
            const struct vp_catalogue_release *release = &releases[i];
            assert_ptr_equal(vp_catalogue_find_release(modular[p], release->name), release);
            assert_non_null(vp_catalogue_bootloader(modular[p], release->bootloader));
            assert_non_null(vp_catalogue_tinker(release));
            unsigned parts = 0;
            for (unsigned m = 0; m < release->module_count; m++) {
                const struct vp_catalogue_module *module = &release->modules[m];
                assert_string_equal(module->release, release->name);
                parts |= module->function == VP_MODULE_SYSTEM ? 1u << module->index : 0;
                if (module->dependencies[1].function == VP_MODULE_BOOTLOADER) {
                    assert_true(release->bootloader >= module->dependencies[1].version);
                }
            }
            const bool three = modular[p] == VP_PLATFORM_ELECTRON && release->version >= 100;
            assert_int_equal(parts, three ? 0xE : 0x6);
        }
        assert_string_equal(releases[count - 1].name, "3.3.1");
    }
    unsigned count;
    assert_null(vp_catalogue_releases(VP_PLATFORM_CORE, &count));
    assert_int_equal(count, 0);
}

static void every_row_has_a_size_to_forge(void **state)
{
    (void)state;
    unsigned total = 0;
    for (unsigned p = 0; p < 4; p++) {
        const enum vp_platform platform = p < 3 ? modular[p] : VP_PLATFORM_CORE;
        unsigned count;
        const struct vp_catalogue_module *modules = vp_catalogue_modules(platform, &count);
        total += count;
        for (unsigned i = 0; i < count; i++) {
            const uint32_t size = vp_catalogue_nominal_size(&modules[i]);
            assert_in_range(size, 3000, 0x40000);
            assert_true(!modules[i].size || modules[i].size == size);
            assert_true(modules[i].status != VP_KNOWN_VERIFIED || modules[i].size);
        }
    }
    assert_in_range(total, 1380, 1400);
}

static void picks_the_application_of_a_release(void **state)
{
    (void)state;
    const struct vp_catalogue_module *tinker =
        vp_catalogue_tinker(release_of(VP_PLATFORM_PHOTON, "0.6.3"));
    assert_int_equal(tinker->dependencies[0].version, 109);
    tinker = vp_catalogue_tinker(release_of(VP_PLATFORM_PHOTON, "1.0.0-no-boot-dep"));
    assert_string_equal(tinker->release, "1.0.0");
    tinker = vp_catalogue_tinker(release_of(VP_PLATFORM_PHOTON, "0.4.3"));
    assert_string_equal(tinker->release, "app");
    assert_int_equal(tinker->dependencies[0].version, 1);
}

static void names_the_nearest_release(void **state)
{
    (void)state;
    assert_string_equal(vp_catalogue_nearest_release(VP_PLATFORM_PHOTON, "0.52"), "0.5.2");
    assert_string_equal(vp_catalogue_nearest_release(VP_PLATFORM_ELECTRON, "0.6.44"), "0.6.4");
    assert_null(vp_catalogue_nearest_release(VP_PLATFORM_CORE, "0.5.2"));
    struct vp_nearest nearest = vp_nearest_start("bootlaoder");
    vp_nearest_offer(&nearest, "system-part1");
    vp_nearest_offer(&nearest, "bootloader");
    vp_nearest_offer(&nearest, "bootloader");
    assert_string_equal(nearest.best, "bootloader");
    assert_string_equal(nearest.second, "system-part1");
}

/* ---- The generator ------------------------------------------------------------------ */

static const char releases_titles[] =
    "platform\trelease\tpart\tversion\tfunction\tindex\tdependency\tdependency2\tsize\t"
    "address\theader\tembedded\tstatus\tsource\n";
static const char bootloaders_titles[] = "platform\trelease\tbootloader\thow\tstatus\n";
static const char good_releases[] =
    "# comment\n"
    "photon\t0.5.2\tbootloader\t7\tbootloader\t0\t-\t-\t-\t0x8000000\t0x184\t-\tsource\tx\n"
    "photon\t0.5.2\tsystem-part1\t17\tsystem\t1\t-\t-\t250956\t0x8020000\t0x184\t-\tverified\tx\n";
static const char good_bootloaders[] = "photon\t0.5.2\t7\tembedded\tverified\n";

static void write_file(const char *path, const char *titles, const char *rows)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s%s", titles, rows);
    assert_int_equal(fclose(file), 0);
}

/* Run the generator on two tables; returns its exit status and the first line it complained with.
 */
static int generate(const char *releases, const char *bootloaders, char *complaint, size_t size)
{
    char folder[] = "/tmp/vparticle-catalogue-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char first[64], second[64], command[512];
    snprintf(first, sizeof first, "%s/releases.tsv", folder);
    snprintf(second, sizeof second, "%s/bootloaders.tsv", folder);
    write_file(first, releases_titles, releases);
    write_file(second, bootloaders_titles, bootloaders);
    snprintf(command, sizeof command, "ASAN_OPTIONS=detect_leaks=0 %s %s %s 2>&1 >/dev/null",
             VP_CATALOGUE_GENERATOR, first, second);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    if (!fgets(complaint, (int)size, output)) {
        complaint[0] = '\0';
    }
    const int status = pclose(output);
    unlink(first);
    unlink(second);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_bad_row_stops_the_build_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *releases, *bootloaders, *complaint;
    } bad[] = {
        {"photon\t0.5.2\tx\n", good_bootloaders, "releases.tsv:2: 3 columns, there must be 14"},
        {"electric\t0.5.2\tsystem-part1\t17\tsystem\t1\t-\t-\t-\t0x8020000\t0x184\t-\tsource\tx\n",
         good_bootloaders, "releases.tsv:2: photon"},
        {"photon\t0.5.2\tsystem-part1\t65536\tsystem\t1\t-\t-\t-\t0x8020000\t0x184\t-\tsource\tx\n"
         "photon\t0.5.2\tbootloader\t7\tbootloader\t0\t-\t-\t-\t0x8000000\t0x184\t-\tsource\tx\n",
         good_bootloaders, "releases.tsv:2: column 'version': '65536' is not a number up to 65535"},
        {"photon\t0.5.2\tsystem-part1\t17\tsystem\t1\tsystem,2\t-\t-\t0x8020000\t0x184\t-"
         "\tsource\tx\n"
         "photon\t0.5.2\tbootloader\t7\tbootloader\t0\t-\t-\t-\t0x8000000\t0x184\t-\tsource\tx\n",
         good_bootloaders, "releases.tsv:2: column 'dependency': 'system,2' is not FUNCTION"},
        {"photon\t0.5.2\tsystem-part1\t17\tsystem\t1\t-\t-\t250957\t0x8020000\t0x184\t-"
         "\tsource\tx\n"
         "photon\t0.5.2\tbootloader\t7\tbootloader\t0\t-\t-\t-\t0x8000000\t0x184\t-\tsource\tx\n",
         good_bootloaders, "releases.tsv:2: size 250957 at 0x8020000 is not possible"},
        {"photon\t0.5.2\tbootloader\t7\tbootloader\t0\t-\t-\t-\t0x8000000\t0x184\t-\tsource\tx\n"
         "photon\t0.5.2\tsystem-part1\t17\tsystem\t1\t-\t-\t-\t0x8020000\t0x184\t-\tsource\tx\n"
         "photon\t0.5.2\tsystem-part2\t18\tsystem\t2\t-\t-\t-\t0x8060000\t0x184\t-\tsource\tx\n",
         good_bootloaders, "releases.tsv:4: version 18, but line 3 of the same release has 17"},
        {good_releases, "photon\t0.5.2\t8\tembedded\tverified\n", "has no bootloader 8 for photon"},
        {good_releases, "photon\t0.5.3\t7\tembedded\tverified\n", "has no release 0.5.3"},
        {good_releases, "", "bootloaders.tsv:1: no rows"},
    };
    char complaint[512];
    assert_int_equal(generate(good_releases, good_bootloaders, complaint, sizeof complaint), 0);
    assert_string_equal(complaint, "");
    for (unsigned i = 1; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(generate(bad[i].releases, bad[i].bootloaders, complaint, sizeof complaint),
                         1);
        if (!strstr(complaint, bad[i].complaint) && i != 1) {
            fail_msg("expected \"%s\", got \"%s\"", bad[i].complaint, complaint);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_parts_of_a_release),
        cmocka_unit_test(electron_files_and_indexes_differ_since_0_6_0),
        cmocka_unit_test(finds_releases_by_number),
        cmocka_unit_test(says_which_bootloader_a_release_leaves),
        cmocka_unit_test(every_release_is_whole),
        cmocka_unit_test(every_row_has_a_size_to_forge),
        cmocka_unit_test(picks_the_application_of_a_release),
        cmocka_unit_test(names_the_nearest_release),
        cmocka_unit_test(a_bad_row_stops_the_build_with_file_and_line),
    };
    return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
