#!/bin/sh
echo "hello, $1, from $(id -un) on $(uname -s)"
