# device: acm
heading "$PROBES/acm_probe" control drivers
heading tell log
