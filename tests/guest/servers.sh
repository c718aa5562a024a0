#!/usr/bin/env bash
# The kernel's host with servers that behave in their own way: the part of tests/unit/test_host_server.c
# that needs vhci_hcd.
source "$(dirname "$0")/common.sh"
: "${TEST_HOST_SERVER:?the path of the unit test}"

status_is 0 guest run -- "$TEST_HOST_SERVER" kernel
says said '[       OK ] a_tool_does_not_start_with_a_device_that_is_about_to_leave'
says said '[       OK ] a_server_need_not_list_what_is_in_use'
echo "ok: servers"
