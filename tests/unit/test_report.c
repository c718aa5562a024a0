#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/result.h"
#include "trace/trace.h"

/* Results with all that has to be escaped somewhere. */
static struct vp_result passed = {
    .outcome = VP_PASSED,
    .path = "a.yaml",
    .name = "fine",
    .seconds = 0.25,
    .notes = {"line 3: the tool was killed after 2 writes"},
    .note_count = 1,
};
static struct vp_result failed = {
    .outcome = VP_FAILED,
    .path = "b & c.yaml",
    .name = "not # fine \\ <at> all",
    .seconds = 1.5,
    .line = 7,
    .step = "run: tool \"x\"",
    .expected = "exit status 0",
    .found = "exit status 64, \"quoted\" & <tagged>",
    .output = "one\ntwo: \xC3\xA9\n",
    .transfers = {"GETSTATUS -> 00 000000 05", "ABORT -> ok"},
    .transfer_count = 2,
    .rerun = "vparticle test 'b & c.yaml'",
};
static struct vp_result skipped = {
    .outcome = VP_SKIPPED, .path = "d.yaml", .name = "later", .reason = "no #firmware"};
static struct vp_result broken = {
    .outcome = VP_BROKEN, .path = "e.yaml", .name = "wrong", .reason = "no such device"};

static char *report_of(enum vp_format format)
{
    const struct vp_result results[] = {passed, failed, skipped, broken};
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    assert_non_null(memory);
    struct vp_report report = {.format = format, .to = memory};
    vp_report_begin(&report, 4);
    for (unsigned i = 0; i < 4; i++) {
        vp_report_result(&report, &results[i]);
    }
    vp_report_end(&report, results, 4, 2.0);
    assert_int_equal(fclose(memory), 0);
    return text;
}

static void tap_escapes_its_own_signs(void **state)
{
    (void)state;
    char *text = report_of(VP_FORMAT_TAP);
    assert_string_equal(text, "TAP version 14\n"
                              "1..4\n"
                              "ok 1 - a.yaml: fine\n"
                              "# line 3: the tool was killed after 2 writes\n"
                              "not ok 2 - b & c.yaml: not \\# fine \\\\ <at> all\n"
                              "  ---\n"
                              "  file: \"b & c.yaml\"\n"
                              "  line: 7\n"
                              "  step: \"run: tool \\\"x\\\"\"\n"
                              "  expected: \"exit status 0\"\n"
                              "  found: \"exit status 64, \\\"quoted\\\" & <tagged>\"\n"
                              "  output: \"one\\ntwo: \xC3\xA9\\n\"\n"
                              "  transfers:\n"
                              "    - \"GETSTATUS -> 00 000000 05\"\n"
                              "    - \"ABORT -> ok\"\n"
                              "  again: \"vparticle test 'b & c.yaml'\"\n"
                              "  ...\n"
                              "ok 3 - d.yaml: later # SKIP no \\#firmware\n"
                              "not ok 4 - e.yaml: wrong\n"
                              "  ---\n"
                              "  file: \"e.yaml\"\n"
                              "  reason: \"no such device\"\n"
                              "  ...\n");
    free(text);
}

static void says(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("expected \"%s\" in:\n%s", part, text);
    }
}

static void pretty_shows_what_a_person_needs(void **state)
{
    (void)state;
    char *text = report_of(VP_FORMAT_PRETTY);
    says(text, "PASS   fine (0.25 s)\n");
    says(text, "line 3: the tool was killed after 2 writes\n");
    says(text, "FAIL   not # fine");
    says(text, "b & c.yaml:7: run: tool \"x\"\n");
    says(text, "expected    exit status 0\n");
    says(text, "found       exit status 64");
    says(text, "output      one\n                   two: \xC3\xA9\n");
    says(text, "transfers   GETSTATUS -> 00 000000 05\n                   ABORT -> ok\n");
    says(text, "again       vparticle test 'b & c.yaml'\n");
    says(text, "SKIP   later d.yaml\n       because     no #firmware\n");
    says(text, "BROKEN wrong");
    says(text, "1 passed, 1 failed, 1 skipped, 1 broken in 2.00 s\n");
    assert_null(strchr(text, '\033'));
    free(text);
}

static void json_can_be_read_back(void **state)
{
    (void)state;
    char *text = report_of(VP_FORMAT_JSON);
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "passed")), 1);
    assert_int_equal(json_integer_value(json_object_get(object, "aborted")), 0);
    const json_t *scenarios = json_object_get(object, "scenarios");
    assert_int_equal(json_array_size(scenarios), 4);
    const json_t *second = json_array_get(scenarios, 1);
    assert_string_equal(json_string_value(json_object_get(second, "found")), failed.found);
    assert_int_equal(json_integer_value(json_object_get(second, "line")), 7);
    assert_null(json_object_get(second, "reason"));
    json_decref(object);
    free(text);
}

static void junit_is_xml(void **state)
{
    (void)state;
    const struct vp_result results[] = {passed, failed, skipped, broken};
    char path[] = "/tmp/vparticle-junit-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    struct vp_failure failure;
    assert_int_equal(vp_report_junit(path, results, 4, 2.0, &failure), 0);
    char text[8192] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    close(descriptor);
    unlink(path);
    says(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuite name=\"vparticle\" tests=\"4\" failures=\"1\" errors=\"1\" "
               "skipped=\"1\" time=\"2.000\">\n");
    says(text, "<testcase classname=\"b &amp; c.yaml\" name=\"not # fine \\ &lt;at&gt; all\" "
               "time=\"1.500\">\n"
               "    <failure message=\"exit status 64, &quot;quoted&quot; &amp; &lt;tagged&gt;\">");
    says(text, "<skipped message=\"no #firmware\"/>");
    says(text, "<error message=\"no such device\">");
    says(text, "<system-out>line 3: the tool was killed after 2 writes\n</system-out>");
    assert_int_equal(vp_report_junit("/no/such/folder/x", results, 4, 2.0, &failure), VP_ERROR_IO);
    says(failure.text, "cannot write /no/such/folder/x");
}

static void a_result_passes_between_processes_unchanged(void **state)
{
    (void)state;
    char *json = vp_result_to_json(&failed);
    assert_non_null(json);
    assert_null(strchr(json, '\n'));
    struct vp_result copy;
    assert_int_equal(vp_result_from_json(json, &copy), 0);
    assert_int_equal(copy.outcome, VP_FAILED);
    assert_int_equal(copy.line, 7);
    assert_string_equal(copy.output, failed.output);
    assert_string_equal(copy.transfers[1], "ABORT -> ok");
    assert_int_equal(copy.transfer_count, 2);
    assert_null(copy.reason);
    vp_result_clear(&copy);
    free(json);
    assert_int_equal(vp_result_from_json("{\"outcome\": \"great\"}", &copy), VP_ERROR_INVALID);
    assert_int_equal(vp_result_from_json("{\"outcome\"", &copy), VP_ERROR_INVALID);
    assert_int_equal(vp_result_from_json("", &copy), VP_ERROR_INVALID);
}

static void text_is_made_fit_to_print(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        size_t length;
        const char *to;
    } texts[] = {
        {"plain\ttext\n", 11, "plain\ttext\n"},
        {"a\r\nb\r", 5, "a\nb"},
        {"x\n 10%\r 50%\r100%\ndone", 21, "x\n100%\ndone"},
        {"\033[31mred\007\0z\x7F", 12, "?[31mred??z?"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\xC3(\xA9\xFF\xC0\x80", 6, "?(????"},
        {"\xE2\x82", 2, "??"},
        {"\xED\xA0\x80\xF4\x90\x80\x80\xEF\xBF\xBF", 10, "??????????"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *clean = vp_clean_text(texts[i].from, texts[i].length);
        assert_string_equal(clean, texts[i].to);
        free(clean);
    }
}

/* ---- Transfers ---------------------------------------------------------------------------- */

struct exchange {
    uint8_t endpoint;
    bool in;
    uint8_t setup[8];
    uint8_t data[8];
    uint32_t length, actual;
    enum vp_transfer_status status;
    const char *text;
};

static void transfers_are_described_by_their_names(void **state)
{
    (void)state;
    static const struct exchange exchanges[] = {
        {0,
         true,
         {0xA1, 3, 0, 0, 0, 0, 6, 0},
         {0, 0xF4, 1, 0, 4, 0},
         6,
         6,
         VP_TRANSFER_OK,
         "GETSTATUS -> 00 0001f4 04"},
        {0, true, {0xA1, 3, 0, 0, 0, 0, 6, 0}, {0}, 6, 0, VP_TRANSFER_STALL, "GETSTATUS -> stall"},
        {0,
         true,
         {0xA1, 5, 0, 0, 0, 0, 1, 0},
         {2},
         1,
         1,
         VP_TRANSFER_OK,
         "GETSTATE -> 1 bytes: 02"},
        {0,
         false,
         {0x21, 1, 0, 0, 0, 0, 5, 0},
         {0x21, 0, 0, 0x0A, 8},
         5,
         5,
         VP_TRANSFER_OK,
         "DNLOAD block 0, set address 0x080a0000 -> ok"},
        {0,
         false,
         {0x21, 1, 0, 0, 0, 0, 5, 0},
         {0x41, 0, 0, 0x0A, 8},
         5,
         0,
         VP_TRANSFER_STALL,
         "DNLOAD block 0, erase 0x080a0000 -> stall"},
        {0,
         false,
         {0x21, 1, 2, 1, 0, 0, 8, 0},
         {1},
         8,
         8,
         VP_TRANSFER_OK,
         "DNLOAD block 258, 8 bytes -> ok"},
        {0,
         false,
         {0x21, 1, 0, 0, 0, 0, 0, 0},
         {0},
         0,
         0,
         VP_TRANSFER_OK,
         "DNLOAD block 0, nothing: leave -> ok"},
        {0,
         true,
         {0xA1, 2, 2, 0, 0, 0, 2, 0},
         {0xAB, 0xCD},
         2,
         2,
         VP_TRANSFER_OK,
         "UPLOAD block 2, 2 bytes -> 2 bytes: ab cd"},
        {0,
         false,
         {0x21, 6, 0, 0, 0, 0, 0, 0},
         {0},
         0,
         0,
         VP_TRANSFER_NO_DEVICE,
         "ABORT -> device gone"},
        {0,
         true,
         {0x80, 6, 2, 3, 9, 4, 4, 0},
         {4, 3, 0x50, 0},
         4,
         4,
         VP_TRANSFER_OK,
         "GET_DESCRIPTOR string 2 -> 4 bytes: 04 03 50 00"},
        {0,
         false,
         {0x01, 11, 1, 0, 0, 0, 0, 0},
         {0},
         0,
         0,
         VP_TRANSFER_OK,
         "SET_INTERFACE 1 at 0 -> ok"},
        {0,
         true,
         {0xC0, 0xEE, 0, 0, 4, 0, 16, 0},
         {0},
         16,
         0,
         VP_TRANSFER_CANCELLED,
         "vendor request 0xee value 0x0000 index 0x0004 length 16 -> cancelled"},
        {0,
         false,
         {0x21, 0x22, 1, 0, 0, 0, 0, 0},
         {0},
         0,
         0,
         VP_TRANSFER_OK,
         "class request 0x22 value 0x0001 index 0x0000 length 0 -> ok"},
        {1, true, {0}, {0x41}, 64, 1, VP_TRANSFER_OK, "endpoint 1 in, 64 bytes -> 1 bytes: 41"},
        {0,
         true,
         {0x80, 99, 0, 0, 0, 0, 0, 0},
         {0},
         0,
         0,
         VP_TRANSFER_OK,
         "standard request 99 -> 0 bytes"},
    };
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        const struct exchange *exchange = &exchanges[i];
        uint8_t data[64];
        memcpy(data, exchange->data, sizeof exchange->data);
        struct vp_transfer transfer = {
            .endpoint = exchange->endpoint,
            .in = exchange->in,
            .data = exchange->length ? data : NULL,
            .length = exchange->length,
            .actual = exchange->actual,
            .status = exchange->status,
        };
        memcpy(transfer.setup, exchange->setup, sizeof transfer.setup);
        struct vp_trace trace = {.total = 0};
        vp_trace_add(&trace, &transfer);
        char text[200];
        vp_trace_describe(&trace, 0, text, sizeof text);
        assert_string_equal(text, exchange->text);
        /* A line that is too short for it is filled and ended. */
        vp_trace_describe(&trace, 0, text, 6);
        assert_int_equal(strlen(text), 5);
        assert_memory_equal(text, exchange->text, 5);
    }
}

static void the_trace_keeps_the_last_ten(void **state)
{
    (void)state;
    struct vp_trace trace = {.total = 0};
    for (uint8_t i = 0; i < 25; i++) {
        assert_int_equal(vp_trace_count(&trace), i < 10 ? i : 10);
        struct vp_transfer transfer = {.setup = {0x00, 9, i}, .status = VP_TRANSFER_OK};
        vp_trace_add(&trace, &transfer);
    }
    char text[64];
    vp_trace_describe(&trace, 0, text, sizeof text);
    assert_string_equal(text, "SET_CONFIGURATION 15 -> ok");
    vp_trace_describe(&trace, 9, text, sizeof text);
    assert_string_equal(text, "SET_CONFIGURATION 24 -> ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tap_escapes_its_own_signs),
        cmocka_unit_test(pretty_shows_what_a_person_needs),
        cmocka_unit_test(json_can_be_read_back),
        cmocka_unit_test(junit_is_xml),
        cmocka_unit_test(a_result_passes_between_processes_unchanged),
        cmocka_unit_test(text_is_made_fit_to_print),
        cmocka_unit_test(transfers_are_described_by_their_names),
        cmocka_unit_test(the_trace_keeps_the_last_ten),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
