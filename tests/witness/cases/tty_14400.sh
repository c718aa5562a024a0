# device: photon@0.5.2
# The rate that makes a device enter DFU mode.
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw rate=14400 hangup close
until_gone /dev/ttyACM0
until_there $device/idProduct
heading cat $device/uevent
