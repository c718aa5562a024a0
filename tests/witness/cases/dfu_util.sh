# device: photon@0.5.2,mode=dfu
# dfu-util draws its progress when the clock says so: only how it ended counts.
flash() (
    set -o pipefail
    dfu-util "$@" 2>&1 | sed 's/.*\r//'
)

head -c 20000 "$VPARTICLE" >image
heading dfu-util -l
heading flash -d 2b04:d006 -a 0 -s 0x080A0000 -D image
heading flash -d 2b04:d006 -a 0 -s 0x080A0000:20000 -U back
heading cmp image back
heading flash -d 2b04:d006 -a 1 -s 0x00000000:256 -U settings
heading sha256sum settings
heading flash -d 2b04:d006 -a 0 -s 0x08000000 -D image
heading flash -d 2b04:d006 -a 0 -s 0x080A0000:leave -D image
until_there /dev/ttyACM0
heading cat $device/uevent
