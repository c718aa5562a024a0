#include "vparticle/board.h"

#include <stddef.h>

#define COUNT(array)   (sizeof(array) / sizeof *(array))
#define INTERNAL_FLASH "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"
#define DCT_FLASH      "@DCT Flash   /0x00000000/01*016Kg"

/* bootloader/src/stm32f2xx/usbd_desc.c, identical in every image from 3 to 1006. */
static const char *const photon_layouts[] = {INTERNAL_FLASH, DCT_FLASH};
static const char *const p1_layouts[] = {
    INTERNAL_FLASH,
    DCT_FLASH,
    "@Serial Flash   /0x00000000/256*004Kg",
};

/* bootloader/src/core/usb_desc.c @ v0.7.0 */
static const char *const core_layouts[] = {
    "@Internal Flash  /0x08000000/20*001Ka,108*001Kg",
    "@SPI Flash : SST25x/0x00000000/512*04Kg",
};

/*
 * What several boards share. Memory map: platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/
 * flash_mal.c and hal/src/photon/ota_module_bounds.c @ v0.7.0, the same from 0.4.x to 3.x. DFU's
 * protected area: DFU_MAL_IS_PROTECTED_AREA, usbd_dfu_mal.h @ v0.7.0, confirmed by measurement on
 * bootloaders 3 to 1006.
 */
// clang-format off
#define STM32F205                                                                                  \
    .geometry = &vp_flash_stm32f205,                                                               \
    .modular = true,                                                                               \
    .bootloader = {0x08000000, 0x08004000},                                                        \
    .dct = {{0x08004000, 0x08008000}, {0x08008000, 0x0800C000}},                                   \
    .dfu_protected = {0x08000000, 0x08020000},                                                     \
    .application = 0x08020000,                                                                     \
    .usb_vendor = 0x2B04

#define STM32F205_WITH_WIFI                                                                        \
    STM32F205,                                                                                     \
    .dct_format = VP_DCT_WICED,                                                                    \
    .system_parts = {0x08020000, 0x080A0000},                                                      \
    .user = {0x080A0000, 0x080C0000}
// clang-format on

/*
 * USB identities: build/platform-id.mk; strings: bootloader/src/stm32f2xx/usbd_desc.c,
 * hal/src/stm32f2xx/usb_hal.c @ v0.5.2, usbd_desc_device.c @ v0.6.1.
 */
static const struct vp_board photon = {
    .platform = VP_PLATFORM_PHOTON,
    .name = "photon",
    STM32F205_WITH_WIFI,
    .usb_dfu_product = 0xD006,
    .usb_normal_product = 0xC006,
    .dfu_product_string = "Photon DFU Mode",
    .product_string = "Photon",
    .old_product_string = "Photon with WiFi",
    .dfu_layouts = photon_layouts,
    .dfu_layout_count = COUNT(photon_layouts),
};

/* With a serial flash that DFU shows. */
static const struct vp_board p1 = {
    .platform = VP_PLATFORM_P1,
    .name = "p1",
    STM32F205_WITH_WIFI,
    .external = &vp_flash_serial_1m,
    .usb_dfu_product = 0xD008,
    .usb_normal_product = 0xC008,
    .dfu_product_string = "P1 DFU Mode",
    .product_string = "P1",
    .old_product_string = "P1 with WiFi",
    .dfu_layouts = p1_layouts,
    .dfu_layout_count = COUNT(p1_layouts),
    .dfu_last_layout_since = 5,
};

/* hal/src/electron/ota_module_bounds.c, dct_hal.cpp @ v0.7.0 */
static const struct vp_board electron = {
    .platform = VP_PLATFORM_ELECTRON,
    .name = "electron",
    STM32F205,
    .dct_format = VP_DCT_DCD,
    .system_parts = {0x08020000, 0x08080000},
    .user = {0x08080000, 0x080A0000},
    .usb_dfu_product = 0xD00A,
    .usb_normal_product = 0xC00A,
    .dfu_product_string = "Electron DFU Mode",
    .product_string = "Electron",
    .old_product_string = "Electron",
    .dfu_layouts = photon_layouts,
    .dfu_layout_count = COUNT(photon_layouts),
};

/* platform/MCU/STM32F1xx/SPARK_Firmware_Driver/inc/hw_config.h, bootloader/src/core/ @ v0.7.0 */
static const struct vp_board core = {
    .platform = VP_PLATFORM_CORE,
    .name = "core",
    .geometry = &vp_flash_stm32f103,
    .external = &vp_flash_serial_2m,
    .bootloader = {0x08000000, 0x08005000},
    .flags_page = 0x08004C00,
    .dfu_protected = {0x08000000, 0x08005000},
    .application = 0x08005000,
    .usb_vendor = 0x1D50,
    .usb_dfu_product = 0x607F,
    .usb_normal_product = 0x607D,
    .dfu_product_string = "CORE DFU ",
    .product_string = "Core with WiFi",
    .old_product_string = "Core with WiFi",
    .dfu_layouts = core_layouts,
    .dfu_layout_count = COUNT(core_layouts),
};

const struct vp_board *vp_board_find(enum vp_platform platform)
{
    static const struct vp_board *const boards[] = {&photon, &p1, &electron, &core, NULL};
    const struct vp_board *const *board = boards;
    while (*board && (*board)->platform != platform) {
        board++;
    }
    return *board;
}
