#!/usr/bin/env shbuild
# One file for several bases: it asks the image what it is. A RUN in a condition is a question. Its exit status is
# the answer, a failing one does not end the build, and it leaves no layer. A RUN in $( ) answers with its output.
#
#     examples/conditional/build.sh
#     shbuild --build-arg BASE=debian:12 examples/conditional/build.sh
ARG BASE=builtin:toybox
FROM $BASE

if RUN command -v apt-get; then
  RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
elif RUN command -v apk; then
  RUN apk add --no-cache ca-certificates
else
  RUN mkdir -p /etc/ssl/certs                   # nothing to install with: an empty folder has to do
fi

id=$(RUN . /etc/os-release && echo $ID)
case $id in
debian | ubuntu) ENV FAMILY=debian ;;
alpine)          ENV FAMILY=alpine ;;
*)               ENV FAMILY=other ;;
esac

# TARGETARCH is a variable of the stage, as in Docker, and so one of the shell here.
ARG TARGETARCH
if [ "$TARGETARCH" = arm64 ]; then ENV FLAVOUR=arm; else ENV FLAVOUR=common; fi

LABEL base=$id family=$FAMILY
