#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vparticle/board.h"
#include "vparticle/module.h"

static const enum vp_platform modular[] = {
    VP_PLATFORM_PHOTON,
    VP_PLATFORM_P1,
    VP_PLATFORM_ELECTRON,
};

static void every_platform_has_a_board(void **state)
{
    (void)state;
    static const enum vp_platform all[] = {VP_PLATFORM_CORE, VP_PLATFORM_PHOTON, VP_PLATFORM_P1,
                                           VP_PLATFORM_ELECTRON};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct vp_board *board = vp_board_find(all[i]);
        assert_non_null(board);
        assert_int_equal(board->platform, all[i]);
        assert_string_equal(board->name, vp_platform_name((uint16_t)all[i]));
        assert_int_equal(board->modular, vp_module_slots(all[i], 0, &(unsigned){0}) != NULL);
    }
    assert_null(vp_board_find((enum vp_platform)12));
}

/* The tables of the boards against geometry and slots, which stand elsewhere. */
static void slots_lie_where_the_board_says(void **state)
{
    (void)state;
    for (size_t which = 0; which < sizeof modular / sizeof *modular; which++) {
        const struct vp_board *board = vp_board_find(modular[which]);
        unsigned count;
        const struct vp_module_slot *slots = vp_module_slots(modular[which], 0, &count);
        for (unsigned i = 0; i < count; i++) {
            const struct vp_region place = {slots[i].start, slots[i].limit};
            if (slots[i].function == VP_MODULE_BOOTLOADER) {
                assert_memory_equal(&place, &board->bootloader, sizeof place);
            } else if (slots[i].function == VP_MODULE_USER) {
                assert_memory_equal(&place, &board->user, sizeof place);
            } else {
                assert_true(place.start >= board->system_parts.start);
                assert_true(place.end <= board->system_parts.end);
            }
        }
        assert_int_equal(board->application, board->system_parts.start);
        assert_int_equal(board->dfu_protected.end, board->application);
    }
}

static void the_core_is_one_image(void **state)
{
    (void)state;
    const struct vp_board *core = vp_board_find(VP_PLATFORM_CORE);
    unsigned count;
    const struct vp_module_slot *slots = vp_module_monolithic_slots(VP_PLATFORM_CORE, &count);
    assert_int_equal(count, 1);
    assert_int_equal(slots[0].start, core->application);
    assert_int_equal(slots[0].limit, 0x08000000 + 128 * 1024);
    const struct vp_module_areas *areas = vp_module_areas(VP_PLATFORM_CORE, 0, true);
    assert_true(areas->ota.external && areas->factory.external);
    assert_int_equal(areas->ota.start, 0x60000);
    assert_int_equal(areas->factory.start, 0x20000);
}

static void check_areas(enum vp_platform platform, uint16_t version, bool monolithic,
                        struct vp_region ota, struct vp_region factory)
{
    const struct vp_module_areas *areas = vp_module_areas(platform, version, monolithic);
    assert_false(areas->ota.external || areas->factory.external);
    assert_int_equal(areas->ota.start, ota.start);
    assert_int_equal(areas->ota.limit, ota.end);
    assert_int_equal(areas->factory.start, factory.start);
    assert_int_equal(areas->factory.limit, factory.end);
}

static void areas_follow_the_electrons_history(void **state)
{
    (void)state;
    const struct vp_region block5 = {0x080A0000, 0x080C0000}, block6 = {0x080C0000, 0x080E0000},
                           block7 = {0x080E0000, 0x08100000}, both = {0x080C0000, 0x08100000},
                           middle = {0x08080000, 0x080E0000};
    check_areas(VP_PLATFORM_PHOTON, 7, false, both, block7);
    check_areas(VP_PLATFORM_P1, 0, false, both, block7);
    check_areas(VP_PLATFORM_ELECTRON, 17, false, block6, block7); /* 0.5.2 */
    check_areas(VP_PLATFORM_ELECTRON, 21, false, block6, block5); /* 0.5.3 */
    check_areas(VP_PLATFORM_ELECTRON, 0, false, block6, block5);
    check_areas(VP_PLATFORM_PHOTON, 0, true, middle, middle);
    check_areas(VP_PLATFORM_ELECTRON, 17, true, middle, middle);
}

static void serial_flash_is_as_large_as_its_dfu_layout(void **state)
{
    (void)state;
    const struct vp_flash_geometry *p1 = vp_board_find(VP_PLATFORM_P1)->external;
    const struct vp_flash_geometry *core = vp_board_find(VP_PLATFORM_CORE)->external;
    const struct vp_flash_geometry *all[] = {p1, core, &vp_flash_stm32f103};
    assert_int_equal(p1->sector_count, 256);
    assert_int_equal(core->sector_count, 512);
    assert_int_equal(vp_flash_stm32f103.sector_count, 128);
    for (size_t i = 0; i < 3; i++) {
        uint32_t next = all[i]->sectors[0].address;
        for (unsigned sector = 0; sector < all[i]->sector_count; sector++) {
            assert_int_equal(all[i]->sectors[sector].address, next);
            assert_int_equal(all[i]->sectors[sector].size, i == 2 ? 1024 : 4096);
            next += all[i]->sectors[sector].size;
        }
    }
    assert_null(vp_board_find(VP_PLATFORM_PHOTON)->external);
    assert_null(vp_board_find(VP_PLATFORM_ELECTRON)->external);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_platform_has_a_board),
        cmocka_unit_test(slots_lie_where_the_board_says),
        cmocka_unit_test(the_core_is_one_image),
        cmocka_unit_test(areas_follow_the_electrons_history),
        cmocka_unit_test(serial_flash_is_as_large_as_its_dfu_layout),
    };
    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
