#include "board/board.h"

#include <stddef.h>

static const char *const photon_layouts[] = {
    "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg",
    "@DCT Flash   /0x00000000/01*016Kg",
};

/*
 * Memory map: platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c and
 * hal/src/photon/ota_module_bounds.c @ v0.7.0, the same from 0.4.x to 3.x. DFU's protected area:
 * DFU_MAL_IS_PROTECTED_AREA, usbd_dfu_mal.h @ v0.7.0, confirmed by measurement on bootloaders 3
 * to 1006. USB identities: build/platform-id.mk; strings: bootloader/src/stm32f2xx/usbd_desc.c,
 * hal/src/stm32f2xx/usb_hal.c @ v0.5.2, usbd_desc_device.c @ v0.6.1.
 */
static const struct vp_board photon = {
    .platform = VP_PLATFORM_PHOTON,
    .name = "photon",
    .geometry = &vp_flash_stm32f205,
    .bootloader = {0x08000000, 0x08004000},
    .dct = {{0x08004000, 0x08008000}, {0x08008000, 0x0800C000}},
    .dfu_protected = {0x08000000, 0x08020000},
    .system_parts = {0x08020000, 0x080A0000},
    .application = 0x08020000,
    .user = {0x080A0000, 0x080C0000},
    .usb_vendor = 0x2B04,
    .usb_dfu_product = 0xD006,
    .usb_normal_product = 0xC006,
    .dfu_product_string = "Photon DFU Mode",
    .product_string = "Photon",
    .old_product_string = "Photon with WiFi",
    .dfu_layouts = photon_layouts,
    .dfu_layout_count = sizeof photon_layouts / sizeof *photon_layouts,
};

const struct vp_board *vp_board_find(enum vp_platform platform)
{
    return platform == VP_PLATFORM_PHOTON ? &photon : NULL;
}
