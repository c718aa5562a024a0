/*
 * What the firmware measures of itself: system_format_diag_data() in system/src/system_update.cpp
 * @ v0.8.0-rc.1, v1.5.2, system_info.cpp @ v2.2.0; names: services/inc/diagnostics.h @ v1.5.2.
 */
#include "system/system.h"

#include "system/describe/text.h"

/*
 * Assumption: which of the sources there are, their order, and all values: a device that has just
 * started and tries to connect.
 */
static const struct {
    const char *name;
    int value;
} sources[] = {
    {"sys:reset", 0},  {"mem:free", 62544}, {"sys:uptime", 1},  {"net:stat", 3},
    {"net:err", 0},    {"net:dconn", 0},    {"net:connatt", 1}, {"net:rssi", 0},
    {"cloud:stat", 0}, {"cloud:err", 0},    {"cloud:dconn", 0}, {"cloud:connatt", 0},
    {"coap:unack", 0}, {"pub:limit", 0},
};

char *vp_system_diagnostics(const struct vp_system *system)
{
    struct vp_text text = {0};
    vp_text_add(&text, "{");
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        vp_text_add(&text, "%s\"%s\":%d", i ? "," : "", sources[i].name, sources[i].value);
    }
    vp_text_add(&text, "%s}",
                system->generation->console->diagnostics_end_with_underscore ? ",\"_\":\"\"" : "");
    return vp_text_finish(&text);
}
