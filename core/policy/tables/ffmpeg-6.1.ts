import { ffmpeg5 } from "./ffmpeg-5.js"
import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 6.1 reads its command line, where it differs from 5.1: made by `npm run option-table`, not by hand. */
export const ffmpeg61 = parseTable(
  `ffmpeg 6.1 libavutil 58.29 build 92d9d5129237aa0c
avoption codec decode: lowres
avoption codec decode encode: max_samples
avoption format decode: fifo_size http_persistent interleaved_read max_streams seg_max_retry video_size
avoption format decode encode text: local_addr local_port
avoption format encode: fd live
avoption format encode text: password rtmp_enhanced_codecs
avoption private decode: max_frame_delay
avoption private encode: afterburner comp_profile comp_target_ref drc_profile drc_target_ref eld_sbr eld_v2 frame_length
  header_period latm min-gf-interval prog_ref signaling speed
avoption scaler: async uchl used_chlayout
avoption scaler encode: gamma
option flag global: qphist
option flag negatable input: display_hflip display_vflip
option flag negatable output: fix_sub_duration_heartbeat
option value input: display_rotation readrate_initial_burst
option value input output: thread_queue_size
option value output: shortest_buf_duration stats_enc_post stats_enc_post_fmt stats_enc_pre stats_enc_pre_fmt stats_mux_pre
  stats_mux_pre_fmt
without avoption: 2pass aa_fixed_key ad_conv_type adaptation_sets adaptive_b adaptive_i aiv algorithm allowed_media_types
  allowed_segment_extensions alternate_scan angle antialias aom-params apply_trc arnr-max-frames assetmaps async_depth
  attempt_recovery audio_chunk_duration avbr_accuracy avbr_convergence b_adapt b_depth b_ref_mode b_sensitivity background bandwidth
  bit_rate bitrate_limit bits_per_codeword blank_value block_size boundary_tag brd_scale break_non_keyframes buffer_duration ca_file
  cafile cavlc cbr cbr_quality cc_stream_map cenc_decryption_key center_mixlev cert_file ch_mode change_field_order channel_coupling
  chapter chars_per_frame charset chunk_duration_ms chunk_start_index chunks cinema_mode cname code_size color compression
  compression_algo compressor compute_clut compute_edt compute_pcr connect_timeout connection_timeout cons_noisegen
  constrained-encoding context continue_one_color_thresh core_only cpl_start_band cq cr_size cr_threshold crop crtc_id custom_stride
  d10_channelcount dash_segment_type data_field data_partitioning dblk_idc dca_adpcm default_fps deint delay delivery_mode
  denoise-block-size denoise-noise-level device dheadphone_mode dialnorm display_name distance disto_alloc dither_type dmix_mode
  downmix dpb_size draw_mouse drc_scale driver drop_frame_timecode drop_pkts_on_overflow drop_second_field dsur_mode dsurex_mode
  dtshd_fallback_time dtshd_rate dtx dvb_substream dvbuffer dvguid dvtype effort eia608_extract enable-1to4-partitions
  enable-ab-partitions enable-angle-delta enable-cdef enable-cfl-intra enable-diff-wtd-comp enable-dist-wtd-comp enable-dual-filter
  enable-filter-intra enable-flip-idtx enable-global-motion enable-interinter-wedge enable-interintra-comp enable-interintra-wedge
  enable-intra-edge-filter enable-intrabc enable-masked-comp enable-obmc enable-onesided-comp enable-paeth-intra enable-palette
  enable-rect-partitions enable-reduced-reference-set enable-ref-frame-mvs enable-restoration enable-smooth-interintra
  enable-smooth-intra enable-tx64 encryption energy_levels enforced_encryption eph error-resilience error_protection even_rows_fix
  exact_rice_parameters exchange extbrc extension_picky extra_bits_bug extra_sei extra_window_size ffs fifo_format fifo_options
  fixed_quality flvflags follow_mouse forced_idr forced_subs_only format format_modifier format_options format_opts format_version
  fp_format frag_type fragment_size frame_rate frames_per_packet gateway global_sidx gmc gop_timecode gpb gpu gpu_copy grab_x grab_y
  hash header heavy_compr height hielevel hls_allow_cache hls_base_url hls_delete_threshold hls_enc hls_enc_iv hls_enc_key
  hls_enc_key_url hls_flags hls_fmp4_init_filename hls_fmp4_init_resend hls_init_time hls_key_info_file hls_list_size
  hls_master_name hls_playlist hls_playlist_type hls_segment_filename hls_segment_options hls_segment_size hls_segment_type
  hls_start_number_source hls_subtitle_path hls_time hls_ts_options hls_vtt_options http_opts http_user_agent ibias iblock
  idr_interval ifo_palette ignore_io_errors ignore_readorder increment_tc index_correction individual_header_trailer init_qpB
  init_qpI init_qpP init_seg_name initial_offset initial_pause inputbw int_ref_cycle_dist int_ref_cycle_size int_ref_qp_delta
  int_ref_type intra_penalty intra_vlc iptos ipttl irreversible iterative_dia_size jfif keep_ar keep_ass_markup key_file kind
  kmpreannounce kmrefreshrate la_depth latency layer layer_rates layout ldash ldkfs lhls linespeed linger list_devices list_dither
  list_drivers load_plugin load_plugins log_level look_ahead look_ahead_depth look_ahead_downsampling lookahead_count
  loop_filter_level loop_filter_sharpness loopend loopstart loro_cmixlev loro_surmixlev lossmaxttl low_delay_brc low_power lowqual
  lpc_coeff_precision lpc_passes lpc_type ltrt_cmixlev ltrt_surmixlev lumi_aq master_m3u8_publish_rate master_pl_name
  master_pl_publish_rate max_dec_frame_buffering max_extra_cb_iterations max_file_size max_fps max_frame_size max_frame_size_i
  max_frame_size_p max_partition_order max_playback_rate max_port max_prediction_order max_qp_b max_qp_i max_qp_p
  max_recovery_attempts max_redirects max_slice_size max_strips maxbw maxsection-pct mbbrc me_quality media_seg_name memc_only mepc
  mepre messageapi mfmode min_partition_order min_playback_rate min_port min_prediction_order min_qp_b min_qp_i min_qp_p min_strips
  minimum_update_period minreq minsection-pct minversion mixing_level mode modular motion_est mpd_profile mpeg_quant
  mpegts_muxer_options msbc mss multi_dim_quant multipass mxf_audio_edit_rate nakreport name nitris_compat no-scenecut no_bitstream
  no_resync_search no_window non_deterministic non_linear_quant non_pcm_mode nonref_p num_capture_buffers num_output_buffers
  numresolution obmc oheadbw omx_libname omx_libprefix optimize_mono p_strategy packet_size page palette paranoia_mode part
  passphrase payload_size payload_type pbkeylen peerlatency per_frame_metadata pic_timing_sei plane_id playlist plays postfilter
  prebuf prediction_order_method preload print_deinit_summary private_key prog prog_order psymodel qm qp_cb_offset qp_cr_offset
  quake3_compat quant_deadzone queue_size rav1e-params rc rc_mode rcvbuf rcvlatency rdo real_time real_time_latency_msec
  recover_any_error recovery_point_sei recovery_wait_streamtime recovery_wait_time reduced-tx-type-set reference_stream
  region_border remove_at_exit reorder_queue_size repeat_pps reset_timestamps resize restart_with_keyframe rist_profile rle
  room_type routing_key rtp_flags rtp_muxer_options rtsp_flags rtsp_transport s12m_tc sample_size sbc_delay sc_detection scan_offset
  sdp_flags secret seg_duration segment_atclocktime segment_clocktime_offset segment_clocktime_wrap_duration segment_format
  segment_format_options segment_frames segment_header_filename segment_list segment_list_entry_prefix segment_list_flags
  segment_list_size segment_list_type segment_start_number segment_time segment_time_delta segment_times segment_wrap
  segment_wrap_number sei select_region seq seq_disp_ext server show_region signal_standard silence_threshold
  single-slice-intra-refresh single_file single_file_name single_sei_nal_unit sixteen_color_thresh skip_cursor skip_empty_cb
  skip_frame_thresh skip_rate_check slice_height slice_width slicecrc smoother sndbuf snddropdelay sop spatial-aq spatial_aq
  spdif_flags srt_streamid ssim_acc ssrc start_one_color_thresh start_time stereo_rematrixing still-picture store_user_comments
  stream_name streaming strftime_mkdir strict_gop strict_mime_boundary strip_number_adaptivity structured_slices sub_name
  sub_text_format subfps subimage subsong surfaces surround_mixlev svtav1-params syncpoints target_latency target_level temporal-aq
  temporal_aq thumbnail tier tile_cols tile_columns tile_height tile_rows tile_width tiles time_shift_buffer_depth
  timecode_frame_start timeshift tlpktdrop tls_verify tolerance track_index transform_skip transtype tsbpd tsbpddelay
  txt_chop_spaces txt_chop_top txt_default_region txt_duration txt_format txt_left txt_opacity txt_page txt_top txt_transparent umv
  update_period usage use-inter-dct-only use-intra-dct-only use-intra-default-tx-only use_fifo use_template use_timeline
  utc_timing_url vad var_stream_map variance_aq verbosity verifyhost version_major version_minor video_format wallclock
  wavelet_depth wavelet_type weighted_pred width window_borderless window_enable_quit window_fullscreen window_id window_size
  window_title window_x window_y write_empty_segments write_header write_header_ret write_header_trailer write_index
  write_trailer_ret x zerocopy zerolatency
without option: async qsv_device vaapi_device vol
without unread: async streamid y
end 813
`,
  { base: ffmpeg5 }
) as OptionTable
