/** @file faults.h Faults at the serial port, for the files of this room; see vparticle/fault.h. */
#ifndef VP_DEVICE_FAULTS_H
#define VP_DEVICE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

struct vp_device;

/** What vp_system_transmit() gives, as it gets through. @return how many bytes there were */
uint32_t vp_faults_transmit(struct vp_device *device, uint8_t *bytes, uint32_t room);

/** Look whether the port was opened or closed; the cable may go. */
void vp_faults_watch_port(struct vp_device *device);

/** The device left the bus. */
void vp_faults_forget(struct vp_device *device);

/** @return milliseconds until something that is held back may go on, or -1 */
int64_t vp_faults_patience(const struct vp_device *device);

/** Let time pass. */
void vp_faults_advance(struct vp_device *device, uint32_t milliseconds);

#endif
