#!/bin/sh
exec wc -l
