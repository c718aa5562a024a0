/* Accounts, tokens, devices and products of the cloud, and what is left of them after a kill. */
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

#include "vparticle/cloud.h"

struct room {
    struct vp_cloud *cloud;
    uint64_t time;
    uint32_t seed;
    char folder[64], state[96];
};

static uint64_t now(void *context)
{
    return ((struct room *)context)->time;
}

/* Numerical Recipes' generator: each test sees the same tokens. */
static void randomness(void *context, uint8_t *bytes, size_t count)
{
    struct room *room = context;
    while (count-- > 0) {
        room->seed = room->seed * 1664525u + 1013904223u;
        *bytes++ = (uint8_t)(room->seed >> 24);
    }
}

static int open_cloud(struct room *room, struct vp_failure *failure)
{
    const struct vp_cloud_options options = {
        .state = *room->state ? room->state : NULL,
        .now = now,
        .random = randomness,
        .context = room,
    };
    return vp_cloud_create(&room->cloud, &options, failure);
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    struct vp_failure failure;
    room->time = 1000000;
    *state = room;
    return open_cloud(room, &failure);
}

static int set_up_folder(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    struct vp_failure failure;
    room->time = 1000000;
    snprintf(room->folder, sizeof room->folder, "/tmp/vp-registry-XXXXXX");
    if (!mkdtemp(room->folder)) {
        return -1;
    }
    snprintf(room->state, sizeof room->state, "%s/state", room->folder);
    *state = room;
    return open_cloud(room, &failure);
}

static int tear_down(void **state)
{
    struct room *room = *state;
    vp_cloud_destroy(room->cloud);
    if (*room->folder) {
        static const char *const files[] = {"cloud.db", "cloud.db-wal", "cloud.db-shm"};
        for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
            char path[160];
            snprintf(path, sizeof path, "%s/%s", room->state, files[i]);
            unlink(path);
        }
        rmdir(room->state);
        rmdir(room->folder);
    }
    free(room);
    return 0;
}

static void reopen(struct room *room)
{
    struct vp_failure failure;
    vp_cloud_destroy(room->cloud);
    room->cloud = NULL;
    assert_int_equal(open_cloud(room, &failure), 0);
}

static struct vp_cloud_account *account(struct room *room, const char *name)
{
    struct vp_failure failure;
    if (!vp_cloud_find_account(room->cloud, name)) {
        assert_int_equal(vp_cloud_add_account(room->cloud, name, "secret", &failure), 0);
    }
    return vp_cloud_find_account(room->cloud, name);
}

static struct vp_cloud_device *device(struct room *room, uint8_t number)
{
    const uint8_t id[VP_DEVICE_ID_SIZE] = {0x30, 0, 0x3A, [11] = number};
    struct vp_cloud_device *made;
    assert_int_equal(vp_cloud_enroll(room->cloud, id, VP_PLATFORM_PHOTON, &made), 0);
    return made;
}

static struct vp_cloud_device_facts facts_of(const struct vp_cloud_device *of)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(of, &facts);
    return facts;
}

/* ---- Accounts and tokens ----------------------------------------------------------------- */

static void test_login(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me@example.com");
    struct vp_cloud_token token, found;
    assert_int_equal(
        vp_cloud_login(room->cloud, "me@example.com", "secret", "particle-cli", 5000, &token), 0);
    assert_int_equal(strlen(token.text), VP_CLOUD_TOKEN_SIZE);
    assert_ptr_equal(vp_cloud_authorize(room->cloud, token.text, &found), me);
    assert_string_equal(found.client, "particle-cli");
    assert_int_equal(found.expires, 1005000);
    assert_null(vp_cloud_authorize(room->cloud, "", NULL));
    assert_null(vp_cloud_authorize(room->cloud, "0123456789012345678901234567890123456789", NULL));
    token.text[VP_CLOUD_TOKEN_SIZE - 1] = '\0';
    assert_null(vp_cloud_authorize(room->cloud, token.text, NULL));
}

static void test_wrong_password(void **state)
{
    struct room *room = *state;
    struct vp_cloud_token token;
    char endless[VP_CLOUD_PASSWORD_LIMIT + 10];
    account(room, "me");
    memset(endless, 's', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *const wrong[][2] = {
        {"me", "secre"},   {"me", "secret "}, {"me", ""},
        {"you", "secret"}, {"", ""},          {"me", endless},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(vp_cloud_login(room->cloud, wrong[i][0], wrong[i][1], "", 0, &token),
                         VP_ERROR_NOT_FOUND);
    }
    assert_int_equal(vp_cloud_login(room->cloud, "me", "secret", "", 0, &token), 0);
}

static void test_token_expires(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me");
    struct vp_cloud_token token, eternal;
    assert_int_equal(vp_cloud_issue_token(room->cloud, me, "", 1000, &token), 0);
    assert_int_equal(vp_cloud_issue_token(room->cloud, me, "", 0, &eternal), 0);
    room->time += 999;
    assert_ptr_equal(vp_cloud_authorize(room->cloud, token.text, NULL), me);
    room->time += 1;
    assert_null(vp_cloud_authorize(room->cloud, token.text, NULL));
    assert_ptr_equal(vp_cloud_authorize(room->cloud, eternal.text, NULL), me);
}

static void test_revoke(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me"), *you = account(room, "you");
    struct vp_cloud_token tokens[3], yours;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vp_cloud_issue_token(room->cloud, me, "", 0, &tokens[i]), 0);
    }
    assert_int_equal(vp_cloud_issue_token(room->cloud, you, "", 0, &yours), 0);
    assert_int_equal(vp_cloud_revoke(room->cloud, tokens[0].text), 0);
    assert_int_equal(vp_cloud_revoke(room->cloud, tokens[0].text), VP_ERROR_NOT_FOUND);
    assert_ptr_equal(vp_cloud_authorize(room->cloud, tokens[1].text, NULL), me);
    assert_int_equal(vp_cloud_revoke_all(room->cloud, me), 0);
    assert_null(vp_cloud_authorize(room->cloud, tokens[1].text, NULL));
    assert_null(vp_cloud_authorize(room->cloud, tokens[2].text, NULL));
    assert_ptr_equal(vp_cloud_authorize(room->cloud, yours.text, NULL), you);
}

static void test_account_rules(void **state)
{
    struct room *room = *state;
    struct vp_failure failure;
    account(room, "me");
    assert_int_equal(vp_cloud_add_account(room->cloud, "me", "other", &failure), VP_ERROR_BUSY);
    assert_int_equal(vp_cloud_add_account(room->cloud, "", "x", &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_add_account(room->cloud, "a b", "x", &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_add_account(room->cloud, "../me", "x", &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_add_account(room->cloud, "you", "", &failure), VP_ERROR_INVALID);
    assert_ptr_equal(vp_cloud_next_account(room->cloud, NULL),
                     vp_cloud_find_account(room->cloud, "me"));
}

/* ---- Devices ----------------------------------------------------------------------------- */

static void test_claim(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me"), *you = account(room, "you");
    struct vp_cloud_device *one = device(room, 1), *two = device(room, 2);
    struct vp_failure failure;
    assert_ptr_equal(device(room, 1), one);
    assert_null(vp_cloud_find_own_device(room->cloud, me, "30003a000000000000000001"));
    assert_int_equal(vp_cloud_claim(room->cloud, me, one, NULL, &failure), 0);
    assert_int_equal(vp_cloud_claim(room->cloud, you, one, NULL, &failure), VP_ERROR_BUSY);
    assert_int_equal(vp_cloud_claim(room->cloud, me, one, NULL, &failure), 0);
    assert_int_equal(vp_cloud_claim(room->cloud, you, two, "lamp", &failure), 0);
    assert_string_equal(facts_of(one).name, "photon-0001");
    assert_ptr_equal(vp_cloud_find_own_device(room->cloud, me, "30003A000000000000000001"), one);
    assert_ptr_equal(vp_cloud_find_own_device(room->cloud, me, "Photon-0001"), one);
    assert_null(vp_cloud_find_own_device(room->cloud, you, "photon-0001"));
    assert_null(vp_cloud_find_own_device(room->cloud, me, "lamp"));
    assert_ptr_equal(vp_cloud_next_device(room->cloud, you, NULL), two);
    assert_null(vp_cloud_next_device(room->cloud, you, two));
    assert_int_equal(vp_cloud_unclaim(room->cloud, one), 0);
    assert_null(vp_cloud_next_device(room->cloud, me, NULL));
    assert_int_equal(vp_cloud_claim(room->cloud, you, one, NULL, &failure), 0);
}

static void test_names(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me");
    struct vp_cloud_device *one = device(room, 1), *two = device(room, 2);
    struct vp_failure failure;
    assert_int_equal(vp_cloud_rename(room->cloud, one, "lamp", &failure), VP_ERROR_NOT_FOUND);
    assert_int_equal(vp_cloud_claim(room->cloud, me, one, "photon-0002", &failure), 0);
    assert_int_equal(vp_cloud_claim(room->cloud, me, two, NULL, &failure), 0);
    assert_string_equal(facts_of(two).name, "photon-0002-2");
    assert_int_equal(vp_cloud_rename(room->cloud, two, "PHOTON-0002", &failure), VP_ERROR_BUSY);
    assert_int_equal(vp_cloud_rename(room->cloud, one, "Photon-0002", &failure), 0);
    assert_int_equal(vp_cloud_rename(room->cloud, two, "a/b", &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_rename(room->cloud, two, "", &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_rename(room->cloud, two, "tab\t", &failure), VP_ERROR_INVALID);
    assert_string_equal(facts_of(two).name, "photon-0002-2");
}

static void test_products(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me"), *you = account(room, "you");
    struct vp_cloud_device *one = device(room, 1);
    struct vp_cloud_product *lamps, *phones;
    struct vp_cloud_product_facts facts;
    struct vp_failure failure;
    assert_int_equal(
        vp_cloud_add_product(room->cloud, me, "Our Lamps!", VP_PLATFORM_PHOTON, &lamps, &failure),
        0);
    assert_int_equal(
        vp_cloud_add_product(room->cloud, me, "our lamps", VP_PLATFORM_P1, NULL, &failure),
        VP_ERROR_BUSY);
    assert_int_equal(vp_cloud_add_product(room->cloud, me, "", VP_PLATFORM_P1, NULL, &failure),
                     VP_ERROR_INVALID);
    assert_int_equal(
        vp_cloud_add_product(room->cloud, me, "Phones", VP_PLATFORM_ELECTRON, &phones, &failure),
        0);
    vp_cloud_product_facts(phones, &facts);
    assert_int_equal(facts.id, 10001);
    assert_string_equal(facts.slug, "phones-v100");
    assert_ptr_equal(vp_cloud_find_product(room->cloud, me, "our-lamps-v100"), lamps);
    assert_ptr_equal(vp_cloud_find_product(room->cloud, me, "10000"), lamps);
    assert_null(vp_cloud_find_product(room->cloud, you, "10000"));
    assert_int_equal(vp_cloud_set_product(room->cloud, one, phones, &failure), VP_ERROR_INVALID);
    assert_int_equal(vp_cloud_set_product(room->cloud, one, lamps, &failure), 0);
    assert_ptr_equal(facts_of(one).product, lamps);
    assert_int_equal(vp_cloud_set_product(room->cloud, one, NULL, &failure), 0);
}

/* ---- What is kept ------------------------------------------------------------------------ */

static void test_state_folder(void **state)
{
    struct room *room = *state;
    struct vp_cloud_account *me = account(room, "me");
    struct vp_cloud_token token;
    struct vp_cloud_product *lamps;
    struct vp_failure failure;
    struct stat status;
    assert_int_equal(vp_cloud_issue_token(room->cloud, me, "curl", 0, &token), 0);
    assert_int_equal(vp_cloud_claim(room->cloud, me, device(room, 1), "lamp", &failure), 0);
    assert_int_equal(
        vp_cloud_add_product(room->cloud, me, "Lamps", VP_PLATFORM_PHOTON, &lamps, &failure), 0);
    assert_int_equal(vp_cloud_set_product(room->cloud, device(room, 1), lamps, &failure), 0);
    device(room, 2);

    reopen(room);
    me = vp_cloud_authorize(room->cloud, token.text, NULL);
    assert_non_null(me);
    assert_string_equal(vp_cloud_account_name(me), "me");
    const struct vp_cloud_device *lamp = vp_cloud_find_own_device(room->cloud, me, "lamp");
    assert_non_null(lamp);
    assert_ptr_equal(facts_of(lamp).product, vp_cloud_find_product(room->cloud, me, "lamps-v100"));
    assert_non_null(vp_cloud_find_device(room->cloud, "30003a000000000000000002"));
    assert_int_equal(vp_cloud_login(room->cloud, "me", "secret", "", 0, &token), 0);
    assert_int_equal(stat(room->state, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void test_state_folder_is_locked(void **state)
{
    struct room *room = *state;
    struct room other = *room;
    struct vp_failure failure;
    assert_int_equal(open_cloud(&other, &failure), VP_ERROR_BUSY);
    assert_non_null(strstr(failure.text, "another cloud is using it"));
}

static void write_database(const struct room *room, const char *bytes)
{
    char path[160];
    snprintf(path, sizeof path, "%s/cloud.db", room->state);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static void test_foreign_state_folder(void **state)
{
    struct room *room = *state;
    struct vp_failure failure;
    vp_cloud_destroy(room->cloud);
    room->cloud = NULL;
    write_database(room, "This is a text of somebody, and no database at all. It is long enough to "
                         "hold the header that there would be at the start of one.");
    assert_int_equal(open_cloud(room, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "name another folder"));
}

/* Enroll devices, and tell of each when it is done, until somebody kills this process. */
static void enroll_for_ever(struct room *room, int pipe)
{
    for (unsigned n = 0;; n++) {
        uint8_t id[VP_DEVICE_ID_SIZE] = {[10] = (uint8_t)(n >> 8), [11] = (uint8_t)n};
        struct vp_cloud_device *made;
        struct vp_failure failure;
        if (vp_cloud_enroll(room->cloud, id, VP_PLATFORM_PHOTON, &made) ||
            vp_cloud_claim(room->cloud, vp_cloud_find_account(room->cloud, "me"), made, NULL,
                           &failure) ||
            write(pipe, "x", 1) != 1) {
            _exit(1);
        }
    }
}

static void test_kill(void **state)
{
    enum { ROUNDS = 20 };
    struct room *room = *state;
    account(room, "me");
    vp_cloud_destroy(room->cloud);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int ends[2];
        char byte;
        unsigned told = 0, kept = 0;
        struct vp_failure failure;
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0) {
            if (open_cloud(room, &failure)) {
                _exit(1);
            }
            enroll_for_ever(room, ends[1]);
        }
        close(ends[1]);
        while (told < 3 * round + 1 && read(ends[0], &byte, 1) == 1) {
            told++;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &byte, 1) == 1) {
            told++;
        }
        close(ends[0]);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(open_cloud(room, &failure), 0);
        const struct vp_cloud_account *me = vp_cloud_find_account(room->cloud, "me");
        for (struct vp_cloud_device *next = NULL;
             (next = vp_cloud_next_device(room->cloud, me, next));) {
            kept++;
        }
        assert_true(kept >= told);
        vp_cloud_destroy(room->cloud);
    }
    room->cloud = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define KEPT(name) cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_login),
        TEST(test_wrong_password),
        TEST(test_token_expires),
        TEST(test_revoke),
        TEST(test_account_rules),
        TEST(test_claim),
        TEST(test_names),
        TEST(test_products),
        KEPT(test_state_folder),
        KEPT(test_state_folder_is_locked),
        KEPT(test_foreign_state_folder),
        KEPT(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
