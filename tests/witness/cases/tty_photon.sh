# device: photon@0.5.2
# What a port is when it is opened, what stays when it is closed, and what the device is asked.
heading "$PROBES/tty_probe" /dev/ttyACM0 open settings modem queues close
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw rate=57600 dtr=0 modem rts=0 modem dtr=1 rts=1 settings close
heading "$PROBES/tty_probe" /dev/ttyACM0 nonblock settings hupcl=0 close
heading "$PROBES/tty_probe" /dev/ttyACM0 open settings modem hupcl=1 close
heading stty -F /dev/ttyACM0 -a
heading stty -F /dev/ttyACM0 115200 cs7 parenb -echo
heading stty -F /dev/ttyACM0
# The rate that makes a device enter DFU mode.
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw rate=14400 hangup close
until_device 3
heading cat $device/uevent
