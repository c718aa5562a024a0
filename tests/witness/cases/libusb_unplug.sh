# device: photon@erased,mode=dfu
# A transfer that the device never answers: it runs out of time, is taken back, or its device is
# pulled out.
heading "$PROBES/libusb_probe" timeout
heading "$PROBES/libusb_probe" cancel
hand reset 3000
until_device 3
exec {probe}< <("$PROBES/libusb_probe" in-flight)
read -r line <&"$probe"
echo "$line"
hand unplug
cat <&"$probe"
