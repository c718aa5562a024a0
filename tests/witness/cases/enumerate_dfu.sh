# device: photon@0.5.2,mode=dfu
# What the host asks of a new device, and what it shows of it.
heading cat $device/uevent
