/* What an application answers, as it is written in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vparticle/application.h"

static struct vp_application *application;
static struct vp_failure failure;

static int parse(const char *json)
{
    failure.text[0] = '\0';
    return vp_application_parse(&application, json, strlen(json), "app.json", &failure);
}

static void reads_functions_and_variables(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"functions\": {\"led\": 1, \"off\": -2147483648},"
                           "\"variables\": {\"n\": 3, \"s\": \"x\", \"b\": true, \"d\": 0.5}}"),
                     0);
    assert_int_equal(application->function_count, 2);
    assert_string_equal(application->functions[0].name, "led");
    assert_int_equal(application->functions[1].result, INT32_MIN);
    assert_int_equal(application->variable_count, 4);
    assert_int_equal(application->variables[0].type, VP_VARIABLE_INT);
    assert_int_equal(application->variables[0].value.number, 3);
    assert_int_equal(application->variables[1].type, VP_VARIABLE_STRING);
    assert_string_equal(application->variables[1].value.text, "x");
    assert_int_equal(application->variables[2].type, VP_VARIABLE_BOOL);
    assert_true(application->variables[2].value.flag);
    assert_int_equal(application->variables[3].type, VP_VARIABLE_DOUBLE);
    assert_true(application->variables[3].value.real == 0.5);
    vp_application_destroy(application);
    assert_int_equal(parse("{}"), 0);
    assert_int_equal(application->function_count, 0);
    vp_application_destroy(application);
    vp_application_destroy(NULL);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } broken[] = {
        {"", "app.json:1:"},
        {"{\"functions\": {\"a\": 1, \"a\": 2}}", "app.json:1:"},
        {"[]", "must be an object"},
        {"{\"function\": {}}", "there is no 'function'"},
        {"{\"functions\": []}", "'functions' must be an object"},
        {"{\"functions\": {\"led\": \"1\"}}", "'led' must be the number that it returns"},
        {"{\"functions\": {\"led\": 2147483648}}", "'led' must be"},
        {"{\"functions\": {\"\": 1}}", "must have 1 to 64 bytes"},
        {"{\"variables\": {\"v\": null}}", "'v' must be a number of 32 bits"},
        {"{\"variables\": {\"v\": 4294967296}}", "'v' must be a number of 32 bits"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_int_equal(parse(broken[i].json), VP_ERROR_INVALID);
        if (!strstr(failure.text, broken[i].says)) {
            fail_msg("'%s' does not say '%s'", failure.text, broken[i].says);
        }
    }
    char many[4096] = "{\"functions\": {";
    for (int i = 0; i <= VP_APPLICATION_LIMIT; i++) {
        const size_t used = strlen(many);
        snprintf(many + used, sizeof many - used, "%s\"f%d\": 1", i ? "," : "", i);
    }
    strcat(many, "}}");
    assert_int_equal(parse(many), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "more than 64"));
}

static void comes_with_a_device(void **state)
{
    (void)state;
    struct vp_device *device;
    char path[] = "/tmp/vparticle-app-XXXXXX", spec[100];
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "{\"variables\": {\"v\": 1}}", 23), 23);
    close(file);
    snprintf(spec, sizeof spec, "photon@0.6.3,app=%s", path);
    assert_int_equal(vp_device_from_spec(&device, spec, 0, &failure), 0);
    vp_device_destroy(device);
    unlink(path);
    assert_int_equal(vp_device_from_spec(&device, spec, 0, &failure), VP_ERROR_IO);
    assert_non_null(strstr(failure.text, path));
    assert_int_equal(vp_device_check_spec("photon,app=", &failure), VP_ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_functions_and_variables),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(comes_with_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
