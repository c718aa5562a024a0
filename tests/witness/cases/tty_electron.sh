# device: electron@0.5.2
# The rate that makes a device enter listening mode; then it answers.
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw rate=28800 close
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw send=i receive=88 close
heading "$PROBES/tty_probe" /dev/ttyACM0 open raw send=v receive=23 close
