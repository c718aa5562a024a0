# device: acm
# The cases of acm_probe, each with a device that was just plugged in.
for case in settings descriptors lines data flow closing cooked slow unplug drivers; do
    heading "$PROBES/acm_probe" control $case
    tell 'nak off' >/dev/null
    heading asked
    tell unplug >/dev/null
    until_gone /dev/ttyACM0
    for command in 'echo on' received plug; do tell "$command" >/dev/null; done
    until_there /dev/serial/by-id/usb-Test___Sons_Serial_Device_0123456789abcdef-if00
done
