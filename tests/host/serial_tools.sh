#!/usr/bin/env bash
# The serial port as ordinary tools see it: ls, stty, cat, udevadm, and Python's serial.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/acm_common.sh"
by_id=usb-Test___Sons_Serial_Device_0123456789abcdef-if00
path=/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0/tty/ttyACM0

start_device
[ "$(with_device stat -c '%F %t:%T' /dev/ttyACM0)" = 'character special file a6:0' ] || fail "stat"
[ "$(with_device realpath "/dev/serial/by-id/$by_id")" = /dev/ttyACM0 ] || fail "by-id"
[ "$(with_device realpath /sys/class/tty/ttyACM0/device)" = "/sys${path%/tty/*}" ] || fail "sysfs"
[ "$(with_device realpath /sys/dev/char/166:0)" = "/sys$path" ] || fail "sys/dev/char"
# /dev shows ours beside what is there.
ls /dev | grep -vE '^(tty(ACM|USB).*|bus|serial)$' >real || true
with_device bash -c 'ls /dev >shown; ls -lL /dev >long; ls /dev/ttyA* >globbed; find /dev -maxdepth 1 -name "ttyACM*" >found'
grep -vE '^(ttyACM0|bus|serial)$' shown >others || true
cmp real others || fail "the real entries of /dev"
for name in bus serial ttyACM0; do says shown "$name"; done
[ "$(with_device find /dev -maxdepth 1 -type c -name 'ttyACM*')" = /dev/ttyACM0 ] || fail "find -type"
[ "$(with_device find /dev -maxdepth 1 -name null -printf '%y %l' -exec test -c {} \;)" = "c " ] || fail "find"
[ "$(cat globbed found)" = $'/dev/ttyACM0\n/dev/ttyACM0' ] || fail "globbing"
[ "$(with_device stat -c '%t:%T' /dev/null)" = 1:3 ] || fail "a real device"
with_device bash -c 'cd /dev && stty -F ttyACM0 && echo x >null && [ -c /dev/null ] && ls . >list' 2>log || fail "in /dev"
echo "ok: files"

with_device stty -F /dev/ttyACM0 -a >settings
says settings 'speed 9600 baud'
says settings 'cs8 hupcl -cstopb cread clocal'
with_device bash -c 'stty -F /dev/ttyACM0 raw -echo 115200 cs7 parenb && stty -F /dev/ttyACM0 -a' >settings
says settings 'speed 115200 baud'
says settings 'parenb -parodd -cmspar cs7'
echo "ok: stty"

[ "$(with_device bash -c 'tty </dev/ttyACM0')" = /dev/ttyACM0 ] || fail "tty"
stop_device
start_device
tell 'echo off' >answer
exec {tool}< <(with_device bash -c 'stty -F /dev/ttyACM0 raw -echo; echo ready; exec cat /dev/ttyACM0')
[ "$(read_line "$tool")" = ready ] || fail "cat"
tell $'send first' >answer
read -r -t 30 -N 5 line <&"$tool" || fail "nothing came"
[ "$line" = first ] || fail "cat: $line"
tell unplug >answer
read -r -t 30 _ <&"$tool" && fail "cat goes on" || true # the end of the file, as with a real port
exec {tool}<&-
stop_device
echo "ok: cat, until the device is unplugged"

if command -v udevadm >/dev/null; then
    start_device
    [ "$(with_device udevadm info -q path -n /dev/ttyACM0)" = "$path" ] || fail "udevadm -q path"
    with_device udevadm info -q property -p "$path" >properties
    for line in DEVNAME=/dev/ttyACM0 MAJOR=166 MINOR=0 SUBSYSTEM=tty ID_BUS=usb ID_VENDOR_ID=2b04 \
        ID_MODEL_ID=c006 'ID_VENDOR_ENC=Test\x20\x26\x20Sons' 'ID_MODEL_ENC=Serial\x20Device' \
        ID_SERIAL=Test___Sons_Serial_Device_0123456789abcdef ID_SERIAL_SHORT=0123456789abcdef \
        ID_USB_INTERFACE_NUM=00 ID_USB_DRIVER=cdc_acm ID_PATH=platform-vhci_hcd.0-usb-0:1:1.0; do
        grep -qxF "$line" properties || { cat properties >&2; fail "udevadm: $line"; }
    done
    says properties "/dev/serial/by-id/$by_id"
    says properties '/dev/serial/by-path/platform-vhci_hcd.0-usb-0:1:1.0'
    with_device udevadm info -e >all
    says all "P: $path"
    says all 'N: ttyACM0'
    exec {tool}< <(with_device stdbuf -oL udevadm monitor --udev --subsystem-match=tty)
    for _ in 1 2 3; do read_line "$tool" >/dev/null; done
    tell unplug >answer
    line=$(read_line "$tool")
    [[ $line == UDEV*remove*"$path (tty)" ]] || fail "udevadm monitor: $line"
    tell plug >answer
    line=$(read_line "$tool")
    [[ $line == UDEV*add*"$path (tty)" ]] || fail "udevadm monitor: $line"
    exec {tool}<&-
    kill "${started[@]}"
    started=()
    echo "ok: udevadm"
fi

python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import serial' 2>/dev/null && python=$candidate
done
[ -n "$python" ] || skip "Python's serial is not installed; the other tools are well"
start_device
with_device "$python" - <<'PYTHON' >said || { cat said >&2; fail "Python"; }
import serial
from serial.tools import list_ports
port, = [p for p in list_ports.comports() if 'ACM' in p.device]
print(port.device, hex(port.vid), hex(port.pid), port.serial_number, port.manufacturer, port.location)
with serial.Serial(port.device, 9600, timeout=30, exclusive=True) as s:
    print(s.cts, s.dsr, s.in_waiting, s.out_waiting)
    s.baudrate = 14400
    s.write(bytes(range(256)))
    s.flush()
    print(s.read(256) == bytes(range(256)))
    s.rts = False
    s.send_break()
    s.reset_output_buffer()
    s.reset_input_buffer()
    s.baudrate = 28800
try:
    serial.Serial(port.device, exclusive=True), serial.Serial(port.device, exclusive=True)
except serial.SerialException as e:
    print('exclusive')
PYTHON
cat >wanted <<'TEXT'
/dev/ttyACM0 0x2b04 0xc006 0123456789abcdef Test & Sons 1-1:1.0
True False 0 0
True
exclusive
TEXT
diff said wanted || fail "Python"
[[ $(tell log) == *'lines 3'*'coding 14400 8N1,lines 1,break 65535,break 0,coding 28800 8N1,lines 0'* ]] ||
    fail "what Python asked for"
stop_device
echo "ok: Python"
