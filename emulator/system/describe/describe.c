#include "system/describe/describe.h"

#include <stdio.h>
#include <string.h>

#include "system/describe/fetch.h"
#include "system/describe/text.h"

/* ---- The list -------------------------------------------------------------------------------- */

static void describe_place(const struct vp_system *system, enum vp_store store, uint32_t start,
                           uint32_t limit, struct vp_described_module *described)
{
    memset(described, 0, sizeof *described);
    vp_system_fetch(system, start, false, described);
    described->store = store;
    described->maximum_size = limit - start;
}

unsigned vp_system_modules(const struct vp_system *system, struct vp_described_module *list)
{
    unsigned count = 0;
    if (!system->machine.board->modular) {
        return 0; /* hal/src/core/ota_flash_hal.c: module_count = 0 */
    }
    for (unsigned i = 0; i < system->slot_count && count + 1 < VP_DESCRIBED_LIMIT; i++) {
        const struct vp_module_slot *slot = &system->slots[i];
        describe_place(system, VP_STORE_MAIN, slot->start, slot->limit, &list[count++]);
    }
    const struct vp_module_area *factory = &system->areas->factory;
    describe_place(system, VP_STORE_FACTORY, factory->start, factory->limit, &list[count++]);
    return count;
}

/* ---- The words ------------------------------------------------------------------------------ */

/* module_function_string(); functions that only later boards have are left to "_". */
static const char *function_name(uint8_t function)
{
    static const char *const names[] = {
        [VP_MODULE_NONE] = "n",       [VP_MODULE_RESOURCE] = "r", [VP_MODULE_BOOTLOADER] = "b",
        [VP_MODULE_MONOLITHIC] = "m", [VP_MODULE_SYSTEM] = "s",   [VP_MODULE_USER] = "u",
    };
    return function < sizeof names / sizeof *names ? names[function] : "_";
}

/* is_module_function_valid() @ v1.1.0 */
static bool function_is_valid(uint8_t function)
{
    return function >= VP_MODULE_RESOURCE && function <= VP_MODULE_USER;
}

static const char *store_name(enum vp_store store)
{
    static const char *const names[] = {"m", "f", "b", "t"};
    return names[store];
}

/* ---- The text ------------------------------------------------------------------------------- */

static bool is_listed(const struct vp_described_module *described,
                      const struct vp_description_rules *rules)
{
    if (!rules->skips_absent) {
        return true;
    }
    if ((!described->present && !rules->knows_unfit) ||
        !function_is_valid(described->module.function)) {
        return false;
    }
    return !rules->skips_bad_factory || described->store != VP_STORE_FACTORY ||
           (described->result & VP_CHECK_INTEGRITY);
}

/* Up to 1.0.x the second one begins with a comma even where the first was left out. */
static void add_dependencies(struct vp_text *text, const struct vp_module *module,
                             const struct vp_description_rules *rules)
{
    unsigned listed = 0;
    for (unsigned i = 0; i < rules->dependencies; i++) {
        const struct vp_module_dependency *dependency = &module->dependencies[i];
        const bool skipped = rules->lists_strange ? dependency->function == VP_MODULE_NONE
                                                  : !function_is_valid(dependency->function);
        if (skipped) {
            continue;
        }
        const bool comma = rules->lists_strange ? i > 0 : listed > 0;
        vp_text_add(text, "%s{\"f\":\"%s\",\"n\":\"%u\",\"v\":%u%s}", comma ? "," : "",
                    function_name(dependency->function), dependency->index, dependency->version,
                    rules->ends_with_underscore ? ",\"_\":\"\"" : "");
        listed++;
    }
}

static void add_sha256(struct vp_text *text, const uint8_t sha256[32])
{
    vp_text_add(text, "\"u\":\"");
    for (unsigned i = 0; i < 32; i++) {
        vp_text_add(text, "%02X", sha256[i]);
    }
    vp_text_add(text, "\",");
}

static void add_module(struct vp_text *text, const struct vp_described_module *described,
                       const struct vp_description_rules *rules, bool platform)
{
    const struct vp_module *module = &described->module;
    const bool known = described->present || rules->knows_unfit;
    vp_text_add(text, "{\"s\":%u,\"l\":\"%s\",\"vc\":%u,\"vv\":%u,", described->maximum_size,
                store_name(described->store), described->checked, described->result);
    if (known && module->function == VP_MODULE_USER) {
        add_sha256(text, module->sha256);
    }
    if (known) {
        vp_text_add(text, "\"f\":\"%s\",\"n\":\"%u\",\"v\":%u,", function_name(module->function),
                    module->index, module->version);
    }
    if (known && platform) {
        vp_text_add(text, "\"p\":%u,", module->platform);
    }
    vp_text_add(text, "\"d\":[");
    if (known) {
        add_dependencies(text, module, rules);
    }
    vp_text_add(text, "]}");
}

char *vp_system_describe(const struct vp_system *system)
{
    const struct vp_description_rules *rules = system->generation->description;
    struct vp_described_module list[VP_DESCRIBED_LIMIT];
    struct vp_system_key keys[VP_SYSTEM_KEY_LIMIT];
    const unsigned count = vp_system_modules(system, list);
    const unsigned key_count = vp_system_keys(system, keys);
    struct vp_text text = {0};

    vp_text_add(&text, "{\"p\":%u,", (unsigned)system->machine.board->platform);
    for (unsigned i = 0; i < key_count; i++) {
        vp_text_add(&text, "\"%s\":\"%s\",", keys[i].name, keys[i].value);
    }
    vp_text_add(&text, "\"m\":[");
    bool first = true;
    for (unsigned i = 0; i < count; i++) {
        if (is_listed(&list[i], rules)) {
            vp_text_add(&text, "%s", first ? "" : ",");
            add_module(&text, &list[i], rules, false);
            first = false;
        }
    }
    vp_text_add(&text, "]}");
    return vp_text_finish(&text);
}

void vp_system_describe_update(const struct vp_system *system, struct vp_text *text)
{
    const struct vp_module_area *area = &system->areas->ota;
    struct vp_described_module described;
    memset(&described, 0, sizeof described);
    if (!area->external) { /* the Core looks at nothing */
        vp_system_fetch(system, area->start, true, &described);
    }
    described.store = VP_STORE_SCRATCHPAD;
    described.maximum_size = area->limit - area->start;
    add_module(text, &described, system->generation->description, true);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Digits that depend on the device id alone. */
static void add_digits(char *to, unsigned count, const uint8_t *id, unsigned seed)
{
    for (unsigned i = 0; i < count; i++) {
        to[i] = (char)('0' + (id[(i + seed) % VP_DEVICE_ID_SIZE] + i * seed) % 10);
    }
    to[count] = '\0';
}

/* The last digit by Luhn's rule, as IMEI (3GPP TS 23.003 annex B) and ICCID (ITU-T E.118) want. */
static void add_luhn_digit(char *number)
{
    const size_t length = strlen(number);
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned digit = (unsigned)(number[length - 1 - i] - '0');
        const unsigned doubled = 2 * digit;
        sum += i % 2 == 0 ? doubled / 10 + doubled % 10 : digit;
    }
    number[length] = (char)('0' + (10 - sum % 10) % 10);
    number[length + 1] = '\0';
}

/*
 * HAL_OTA_Add_System_Info(), hal/src/electron/ota_flash_hal.cpp. Assumption: the numbers; their
 * beginnings are those of u-blox SARA modems and of Telefonica's SIM cards.
 */
unsigned vp_system_keys(const struct vp_system *system,
                        struct vp_system_key keys[VP_SYSTEM_KEY_LIMIT])
{
    const uint8_t *id = system->machine.device_id;
    unsigned count = 0;
    if (!system->build->cellular) {
        return 0;
    }
    struct vp_system_key *imei = &keys[count++];
    imei->name = "imei";
    snprintf(imei->value, sizeof imei->value, "353162");
    add_digits(imei->value + 6, 8, id, 3);
    add_luhn_digit(imei->value);
    struct vp_system_key *iccid = &keys[count++];
    iccid->name = "iccid";
    snprintf(iccid->value, sizeof iccid->value, "893407");
    add_digits(iccid->value + 6, 12, id, 7);
    add_luhn_digit(iccid->value);
    if (system->generation->description->modem_firmware) {
        struct vp_system_key *firmware = &keys[count++];
        firmware->name = "cellfw";
        snprintf(firmware->value, sizeof firmware->value, "08.90,A01.13");
    }
    return count;
}
