# device: acm
heading "$PROBES/acm_probe" control lines
heading tell log
