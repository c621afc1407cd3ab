#!/bin/sh


