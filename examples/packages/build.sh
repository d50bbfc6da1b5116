#!/usr/bin/env shbuild
# A list that lives in a file of its own. Each package becomes a layer, so a line that is added at the end costs only
# itself: the layers above it come from the cache.
#
#     examples/packages/build.sh -t tools
#
# The loop reads packages.txt out of the build context; a script sees no other files of the machine. A RUN's input
# is empty, so apt-get cannot eat the rest of the list.
ARG BASE=debian:12
FROM $BASE
RUN apt-get update

while read -r package note; do
  case $package in
  '' | '#'*) continue ;;
  esac
  echo "$package: $note"                                          # goes to the build's output
  RUN apt-get install -y --no-install-recommends $package
done < packages.txt

RUN rm -rf /var/lib/apt/lists/*
