//go:build !linux

package engine

import "context"

const hasEpoll = false

func runEpoll(context.Context, *Plan) (*Result, error) { panic("engine: epoll is Linux's") }
