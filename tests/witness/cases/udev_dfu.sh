# device: photon@0.5.2,mode=dfu
for path in usb1 1-0:1.0 1-1 1-1:1.0; do
    heading known_to_udev /sys/bus/usb/devices/$path
done
heading udevadm info -a $device/1-1:1.0
heading udevadm info -q name $device
heading udevadm info -q path -n /dev/bus/usb/001/002
