# device: acm
heading "$PROBES/acm_probe" control unplug
heading tell log
