# device: electron@0.5.2
# ... and of one with a serial port.
heading cat $device/uevent
