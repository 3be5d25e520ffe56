// FFmpeg's headers, and the macros that Swift cannot import.
#ifndef CFFMPEG_SHIM_H
#define CFFMPEG_SHIM_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libavutil/time.h>
#include <libswscale/swscale.h>

static const int FF_ERROR_EOF = AVERROR_EOF;
static const int FF_ERROR_EXIT = AVERROR_EXIT;
static const int FF_ERROR_INVALIDDATA = AVERROR_INVALIDDATA;
static const int64_t FF_NOPTS = AV_NOPTS_VALUE;
static inline int ff_averror(int code) { return AVERROR(code); }
static inline AVRational ff_time_base_q(void) { return AV_TIME_BASE_Q; }

#endif
