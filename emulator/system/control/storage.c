/* The storage requests of 0.8.0 to 1.5.x: sections of internal flash, to read and partly to write.
 */
#include <stdlib.h>
#include <string.h>

#include "control.pb-c.h"
#include "dct/dct.h"
#include "system/control/control_private.h"
#include "vparticle/module.h"

enum {
    CAN_READ = 0x01,
    CAN_WRITE = 0x02,
    CAN_CLEAR = 0x04,
    CAN_GET_SIZE = 0x08,
    NEED_CLEAR = 0x10
};
/* sizeof(application_dct_t), dct.h @ v1.5.2. The EEPROM section that follows it there is left out:
 * no application runs here that would write it. */
enum { SECTION_LIMIT = 12, CONFIG_SIZE = 8392 };

struct section {
    Ctrl__SectionType type;
    Ctrl__FirmwareModuleType module;
    uint8_t index;
    uint8_t flags;
    uint32_t start, size;
};

struct sections {
    struct section list[SECTION_LIMIT];
    unsigned count;
};

static void add(struct sections *sections, struct section section)
{
    if (sections->count < SECTION_LIMIT) {
        sections->list[sections->count++] = section;
    }
}

/* INTERNAL_STORAGE_SECTIONS, control/storage.cpp @ v1.5.2, in its order. */
static void list_sections(const struct vp_system *system, struct sections *sections)
{
    enum { MODULE_FLAGS = CAN_READ | CAN_GET_SIZE };
    enum { FACTORY_FLAGS = CAN_READ | CAN_WRITE | CAN_CLEAR | CAN_GET_SIZE | NEED_CLEAR };
    const enum vp_platform platform = system->machine.board->platform;
    unsigned count;
    const struct vp_module_slot *slots = system->monolithic
                                             ? vp_module_monolithic_slots(platform, &count)
                                             : vp_module_slots(platform, system->version, &count);
    const struct vp_module_areas *areas =
        vp_module_areas(platform, system->version, system->monolithic);
    sections->count = 0;
    for (uint8_t wanted = 0; wanted < 4; wanted++) { /* by index: the slots are by address */
        for (unsigned i = 0; i < count; i++) {
            const bool user = slots[i].function == VP_MODULE_USER;
            if (slots[i].index == wanted && !user) {
                add(sections, (struct section){CTRL__SECTION_TYPE__FIRMWARE,
                                               control_module_type(slots[i].function),
                                               slots[i].index, MODULE_FLAGS, slots[i].start,
                                               slots[i].limit - slots[i].start});
            }
        }
    }
    if (!system->monolithic) {
        const struct vp_region *user = &system->machine.board->user;
        add(sections,
            (struct section){CTRL__SECTION_TYPE__FIRMWARE, CTRL__FIRMWARE_MODULE_TYPE__USER_PART, 0,
                             MODULE_FLAGS, user->start, user->end - user->start});
        add(sections, (struct section){CTRL__SECTION_TYPE__OTA_BACKUP, 0, 0, MODULE_FLAGS,
                                       areas->ota.start, areas->ota.limit - areas->ota.start});
    }
    add(sections,
        (struct section){CTRL__SECTION_TYPE__FACTORY_BACKUP, 0, 0, FACTORY_FLAGS,
                         areas->factory.start, areas->factory.limit - areas->factory.start});
    add(sections,
        (struct section){CTRL__SECTION_TYPE__CONFIG, 0, 0, CAN_READ | CAN_WRITE, 0, CONFIG_SIZE});
}

/* ---- Describe --------------------------------------------------------------------------- */

static void describe(const struct section *section, Ctrl__DescribeStorageReply__Section *message,
                     Ctrl__DescribeStorageReply__Section__FirmwareModule *module)
{
    ctrl__describe_storage_reply__section__init(message);
    message->type = section->type;
    message->size = section->size;
    message->flags = section->flags;
    if (section->type == CTRL__SECTION_TYPE__FIRMWARE) {
        ctrl__describe_storage_reply__section__firmware_module__init(module);
        module->type = section->module;
        module->index = section->index;
        message->firmware_module = module;
    }
}

int control_describe_storage(struct vp_system *system, struct vp_control_request *request)
{
    struct sections sections;
    list_sections(system, &sections);
    Ctrl__DescribeStorageReply__Section messages[SECTION_LIMIT], *list[SECTION_LIMIT];
    Ctrl__DescribeStorageReply__Section__FirmwareModule modules[SECTION_LIMIT];
    for (unsigned i = 0; i < sections.count; i++) {
        describe(&sections.list[i], &messages[i], &modules[i]);
        list[i] = &messages[i];
    }
    Ctrl__DescribeStorageReply__Storage storage = CTRL__DESCRIBE_STORAGE_REPLY__STORAGE__INIT;
    storage.type = CTRL__STORAGE_TYPE__INTERNAL;
    storage.sections = list;
    storage.n_sections = sections.count;
    Ctrl__DescribeStorageReply__Storage *storages[] = {&storage};
    Ctrl__DescribeStorageReply reply = CTRL__DESCRIBE_STORAGE_REPLY__INIT;
    reply.storage = storages;
    reply.n_storage = 1;
    return control_reply(request, &reply.base);
}

/* ---- Read, write, clear, measure ------------------------------------------------------------ */

/* @return VP_SYSTEM_ERROR_NONE with the section, or why it is not to be had */
static int find_section(const struct vp_system *system, uint32_t storage, uint32_t number,
                        uint8_t ability, struct section *section)
{
    struct sections sections;
    list_sections(system, &sections);
    if (storage != 0 || number >= sections.count) {
        return VP_SYSTEM_ERROR_NOT_FOUND;
    }
    *section = sections.list[number];
    return section->flags & ability ? VP_SYSTEM_ERROR_NONE : VP_SYSTEM_ERROR_NOT_SUPPORTED;
}

static int read_section(struct vp_system *system, const struct section *section, uint32_t offset,
                        uint32_t size, struct vp_control_request *request)
{
    if (size == 0 || offset > section->size || size > section->size - offset) {
        return VP_SYSTEM_ERROR_OUT_OF_RANGE;
    }
    uint8_t *bytes = malloc(size);
    if (!bytes) {
        return VP_SYSTEM_ERROR_NO_MEMORY;
    }
    const uint32_t address = section->start + offset;
    int result =
        (section->type == CTRL__SECTION_TYPE__CONFIG
             ? vp_dct_read(system->machine.flash, system->machine.board, address, bytes, size)
             : vp_flash_read(system->machine.flash, address, bytes, size))
            ? VP_SYSTEM_ERROR_UNKNOWN
            : VP_SYSTEM_ERROR_NONE;
    if (result == VP_SYSTEM_ERROR_NONE) {
        Ctrl__ReadSectionDataReply reply = CTRL__READ_SECTION_DATA_REPLY__INIT;
        reply.data = (ProtobufCBinaryData){.len = size, .data = bytes};
        result = control_reply(request, &reply.base);
    }
    free(bytes);
    return result;
}

int control_read_section(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__ReadSectionDataRequest *body =
        control_payload(request, &ctrl__read_section_data_request__descriptor);
    struct section section;
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    int result = find_section(system, body->storage, body->section, CAN_READ, &section);
    if (result == VP_SYSTEM_ERROR_NONE) {
        result = read_section(system, &section, body->offset, body->size, request);
    }
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return result;
}

static int write_section(struct vp_system *system, const struct section *section,
                         const Ctrl__WriteSectionDataRequest *body)
{
    const size_t size = body->data.len;
    if (size == 0 || body->offset > section->size || size > section->size - body->offset) {
        return VP_SYSTEM_ERROR_OUT_OF_RANGE;
    }
    const uint32_t address = section->start + body->offset;
    const int error = section->type == CTRL__SECTION_TYPE__CONFIG
                          ? vp_dct_write(system->machine.flash, system->machine.board, address,
                                         body->data.data, size)
                          : vp_flash_program(system->machine.flash, address, body->data.data, size);
    return error ? VP_SYSTEM_ERROR_UNKNOWN : VP_SYSTEM_ERROR_NONE;
}

int control_write_section(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__WriteSectionDataRequest *body =
        control_payload(request, &ctrl__write_section_data_request__descriptor);
    struct section section;
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    int result = find_section(system, body->storage, body->section, CAN_WRITE, &section);
    if (result == VP_SYSTEM_ERROR_NONE) {
        result = write_section(system, &section, body);
    }
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return result;
}

static int clear_section(struct vp_system *system, const struct section *section)
{
    return vp_flash_erase_range(system->machine.flash, section->start, section->size)
               ? VP_SYSTEM_ERROR_UNKNOWN
               : VP_SYSTEM_ERROR_NONE;
}

int control_clear_section(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__ClearSectionDataRequest *body =
        control_payload(request, &ctrl__clear_section_data_request__descriptor);
    struct section section;
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    int result = find_section(system, body->storage, body->section, CAN_CLEAR, &section);
    protobuf_c_message_free_unpacked(&body->base, NULL);
    return result == VP_SYSTEM_ERROR_NONE ? clear_section(system, &section) : result;
}

/* getFirmwareModuleSize(): of a module with a right CRC only */
static int measure(const struct vp_system *system, const struct section *section, uint32_t *size)
{
    struct vp_module module;
    if (vp_module_read_header(system->machine.flash, section->start, &module)) {
        return VP_SYSTEM_ERROR_UNKNOWN;
    }
    if (module.end < module.start || module.end - module.start > section->size ||
        !vp_module_crc_matches(system->machine.flash, section->start, &module)) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    *size = vp_module_size(&module);
    return VP_SYSTEM_ERROR_NONE;
}

int control_get_section_size(struct vp_system *system, struct vp_control_request *request)
{
    Ctrl__GetSectionDataSizeRequest *body =
        control_payload(request, &ctrl__get_section_data_size_request__descriptor);
    struct section section;
    if (!body) {
        return VP_SYSTEM_ERROR_BAD_DATA;
    }
    int result = find_section(system, body->storage, body->section, CAN_GET_SIZE, &section);
    protobuf_c_message_free_unpacked(&body->base, NULL);
    Ctrl__GetSectionDataSizeReply reply = CTRL__GET_SECTION_DATA_SIZE_REPLY__INIT;
    if (result == VP_SYSTEM_ERROR_NONE) {
        result = measure(system, &section, &reply.size);
    }
    return result == VP_SYSTEM_ERROR_NONE ? control_reply(request, &reply.base) : result;
}
