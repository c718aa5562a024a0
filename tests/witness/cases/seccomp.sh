# device: photon@erased,mode=dfu
# The one difference that must always be there: who answers the system calls.
heading grep '^Seccomp:' /proc/self/status
