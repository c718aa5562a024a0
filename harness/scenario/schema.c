#include "scenario/schema.h"

#include "scenario/scenario.h"
#include "vparticle/host.h"

#define OPTIONAL        CYAML_FLAG_OPTIONAL
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Longer than anything sensible, short enough to stay harmless. */
enum { LONGEST = 8192, MANY = 1000 };

static const cyaml_schema_value_t string_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, LONGEST)};

static const cyaml_schema_field_t text_check_fields[] = {
    CYAML_FIELD_SEQUENCE("contains", CYAML_FLAG_POINTER | OPTIONAL, struct vp_text_check, contains,
                         &string_entry, 1, MANY),
    CYAML_FIELD_SEQUENCE("lacks", CYAML_FLAG_POINTER | OPTIONAL, struct vp_text_check, lacks,
                         &string_entry, 1, MANY),
    CYAML_FIELD_SEQUENCE("matches", CYAML_FLAG_POINTER | OPTIONAL, struct vp_text_check, matches,
                         &string_entry, 1, MANY),
    CYAML_FIELD_SEQUENCE("order", CYAML_FLAG_POINTER | OPTIONAL, struct vp_text_check, order,
                         &string_entry, 1, MANY),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t kill_after_fields[] = {
    CYAML_FIELD_UINT_PTR("writes", OPTIONAL, struct vp_kill_after, writes),
    CYAML_FIELD_UINT_PTR("erases", OPTIONAL, struct vp_kill_after, erases),
    CYAML_FIELD_UINT_PTR("transfers", OPTIONAL, struct vp_kill_after, transfers),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t press_fields[] = {
    CYAML_FIELD_UINT("milliseconds", CYAML_FLAG_DEFAULT, struct vp_hold, milliseconds),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t reset_fields[] = {
    CYAML_FIELD_UINT("holding", OPTIONAL, struct vp_hold, milliseconds),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t versions_fields[] = {
    CYAML_FIELD_UINT_PTR("bootloader", OPTIONAL, struct vp_versions, bootloader),
    CYAML_FIELD_UINT_PTR("system-part1", OPTIONAL, struct vp_versions, system_part1),
    CYAML_FIELD_UINT_PTR("system-part2", OPTIONAL, struct vp_versions, system_part2),
    CYAML_FIELD_UINT_PTR("system-part3", OPTIONAL, struct vp_versions, system_part3),
    CYAML_FIELD_UINT_PTR("user", OPTIONAL, struct vp_versions, user),
    CYAML_FIELD_UINT_PTR("monolithic", OPTIONAL, struct vp_versions, monolithic),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t flash_check_fields[] = {
    CYAML_FIELD_STRING_PTR("part", OPTIONAL, struct vp_flash_check, part, 1, LONGEST),
    CYAML_FIELD_UINT_PTR("at", OPTIONAL, struct vp_flash_check, at),
    CYAML_FIELD_UINT_PTR("size", OPTIONAL, struct vp_flash_check, size),
    CYAML_FIELD_STRING_PTR("equals", OPTIONAL, struct vp_flash_check, equals, 1, LONGEST),
    CYAML_FIELD_BOOL_PTR("erased", OPTIONAL, struct vp_flash_check, erased),
    CYAML_FIELD_BOOL_PTR("unchanged", OPTIONAL, struct vp_flash_check, unchanged),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t flash_check_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct vp_flash_check, flash_check_fields)};

static const cyaml_strval_t modes[] = {
    {"off", VP_MODE_OFF},       {"boot", VP_MODE_BOOT}, {"dfu", VP_MODE_DFU},
    {"normal", VP_MODE_NORMAL}, {"safe", VP_MODE_SAFE}, {"listening", VP_MODE_LISTENING},
    {"update", VP_MODE_UPDATE}, {"loop", VP_MODE_LOOP}, {"dead", VP_MODE_DEAD},
};

static const cyaml_schema_field_t expect_fields[] = {
    CYAML_FIELD_ENUM_PTR("mode", OPTIONAL | CYAML_FLAG_STRICT, struct vp_expect, mode, modes,
                         COUNT_OF(modes)),
    CYAML_FIELD_MAPPING_PTR("modules", OPTIONAL, struct vp_expect, modules, versions_fields),
    CYAML_FIELD_SEQUENCE("flash", CYAML_FLAG_POINTER | OPTIONAL, struct vp_expect, flash,
                         &flash_check_entry, 1, MANY),
    CYAML_FIELD_STRING_PTR("usb", OPTIONAL, struct vp_expect, usb, 1, LONGEST),
    CYAML_FIELD_STRING_PTR("led", OPTIONAL, struct vp_expect, led, 1, LONGEST),
    CYAML_FIELD_BOOL_PTR("online", OPTIONAL, struct vp_expect, online),
    CYAML_FIELD_MAPPING_PTR("events", OPTIONAL, struct vp_expect, events, text_check_fields),
    CYAML_FIELD_END,
};

static const cyaml_strval_t powers[] = {
    {"off", VP_POWER_OFF},
    {"on", VP_POWER_ON},
    {"cycle", VP_POWER_CYCLE},
};

static const cyaml_strval_t plugs[] = {
    {"out", VP_PLUG_OUT},
    {"in", VP_PLUG_IN},
};

static const cyaml_strval_t fault_kinds[] = {
    {"serial-drop", VP_FAULT_SERIAL_DROP},     {"serial-delay", VP_FAULT_SERIAL_DELAY},
    {"serial-split", VP_FAULT_SERIAL_SPLIT},   {"serial-insert", VP_FAULT_SERIAL_INSERT},
    {"serial-unplug", VP_FAULT_SERIAL_UNPLUG}, {"none", VP_FAULT_KINDS},
};

static const cyaml_schema_field_t fault_fields[] = {
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct vp_fault_step, kind, fault_kinds,
                     COUNT_OF(fault_kinds)),
    CYAML_FIELD_UINT_PTR("at", OPTIONAL, struct vp_fault_step, at),
    CYAML_FIELD_UINT_PTR("every", OPTIONAL, struct vp_fault_step, every),
    CYAML_FIELD_UINT_PTR("milliseconds", OPTIONAL, struct vp_fault_step, milliseconds),
    CYAML_FIELD_UINT_PTR("bytes", OPTIONAL, struct vp_fault_step, bytes),
    CYAML_FIELD_STRING_PTR("text", OPTIONAL, struct vp_fault_step, text, 1, VP_FAULT_TEXT_LIMIT),
    CYAML_FIELD_END,
};

static const cyaml_strval_t switches[] = {
    {"off", VP_SWITCH_OFF},
    {"on", VP_SWITCH_ON},
};

static const cyaml_schema_field_t cloud_step_fields[] = {
    CYAML_FIELD_ENUM_PTR("network", OPTIONAL | CYAML_FLAG_STRICT, struct vp_cloud_step, network,
                         switches, COUNT_OF(switches)),
    CYAML_FIELD_ENUM_PTR("healer", OPTIONAL | CYAML_FLAG_STRICT, struct vp_cloud_step, healer,
                         switches, COUNT_OF(switches)),
    CYAML_FIELD_UINT_PTR("loss", OPTIONAL, struct vp_cloud_step, loss),
    CYAML_FIELD_UINT_PTR("duplicates", OPTIONAL, struct vp_cloud_step, duplicates),
    CYAML_FIELD_UINT_PTR("delay", OPTIONAL, struct vp_cloud_step, delay),
    CYAML_FIELD_UINT_PTR("jitter", OPTIONAL, struct vp_cloud_step, jitter),
    CYAML_FIELD_UINT_PTR("drop_after", OPTIONAL, struct vp_cloud_step, drop_after),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t cloud_fields[] = {
    CYAML_FIELD_ENUM_PTR("network", OPTIONAL | CYAML_FLAG_STRICT, struct vp_cloud_setting, network,
                         switches, COUNT_OF(switches)),
    CYAML_FIELD_ENUM_PTR("healer", OPTIONAL | CYAML_FLAG_STRICT, struct vp_cloud_setting, healer,
                         switches, COUNT_OF(switches)),
    CYAML_FIELD_END,
};

static const cyaml_strval_t accesses[] = {
    {"full", VP_HOST_ACCESS_FULL},
    {"none", VP_HOST_ACCESS_NONE},
};

static const cyaml_schema_field_t step_fields[] = {
    CYAML_FIELD_STRING_PTR("run", OPTIONAL, struct vp_step, run, 1, LONGEST),
    CYAML_FIELD_INT_PTR("exit", OPTIONAL, struct vp_step, exit_status),
    CYAML_FIELD_UINT_PTR("timeout", OPTIONAL, struct vp_step, timeout),
    CYAML_FIELD_MAPPING_PTR("stdout", OPTIONAL, struct vp_step, standard_output, text_check_fields),
    CYAML_FIELD_MAPPING_PTR("stderr", OPTIONAL, struct vp_step, standard_error, text_check_fields),
    CYAML_FIELD_MAPPING_PTR("kill_after", OPTIONAL, struct vp_step, kill_after, kill_after_fields),
    CYAML_FIELD_ENUM_PTR("access", OPTIONAL | CYAML_FLAG_STRICT, struct vp_step, access, accesses,
                         COUNT_OF(accesses)),
    CYAML_FIELD_MAPPING_PTR("press", OPTIONAL, struct vp_step, press, press_fields),
    CYAML_FIELD_MAPPING_PTR("reset", OPTIONAL, struct vp_step, reset, reset_fields),
    CYAML_FIELD_ENUM_PTR("power", OPTIONAL | CYAML_FLAG_STRICT, struct vp_step, power, powers,
                         COUNT_OF(powers)),
    CYAML_FIELD_ENUM_PTR("plug", OPTIONAL | CYAML_FLAG_STRICT, struct vp_step, plug, plugs,
                         COUNT_OF(plugs)),
    CYAML_FIELD_MAPPING_PTR("fault", OPTIONAL, struct vp_step, fault, fault_fields),
    CYAML_FIELD_MAPPING_PTR("cloud", OPTIONAL, struct vp_step, cloud, cloud_step_fields),
    CYAML_FIELD_MAPPING_PTR("expect", OPTIONAL, struct vp_step, expect, expect_fields),
    CYAML_FIELD_UINT_PTR("device", OPTIONAL, struct vp_step, device),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t step_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct vp_step, step_fields)};

static const cyaml_schema_field_t matrix_fields[] = {
    CYAML_FIELD_STRING_PTR("variable", CYAML_FLAG_DEFAULT, struct vp_matrix_row, variable, 1,
                           LONGEST),
    CYAML_FIELD_SEQUENCE("values", CYAML_FLAG_POINTER, struct vp_matrix_row, values, &string_entry,
                         1, MANY),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t matrix_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct vp_matrix_row, matrix_fields)};

static const cyaml_schema_field_t scenario_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_DEFAULT, struct vp_scenario, name, 1, LONGEST),
    CYAML_FIELD_SEQUENCE("matrix", CYAML_FLAG_POINTER | OPTIONAL, struct vp_scenario, matrix,
                         &matrix_entry, 1, MANY),
    CYAML_FIELD_SEQUENCE("needs", CYAML_FLAG_POINTER | OPTIONAL, struct vp_scenario, needs,
                         &string_entry, 1, MANY),
    CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER, struct vp_scenario, devices, &string_entry,
                         1, VP_HOST_DEVICES),
    CYAML_FIELD_MAPPING_PTR("cloud", OPTIONAL, struct vp_scenario, cloud, cloud_fields),
    CYAML_FIELD_SEQUENCE("steps", CYAML_FLAG_POINTER, struct vp_scenario, steps, &step_entry, 1,
                         MANY),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t vp_scenario_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct vp_scenario, scenario_fields)};
